/** Submission: messages with their deliveries and contents, and the staging of contents too large for memory. */
import { PosthasteError } from '../errors.ts';
import type { NewDelivery, NewMessage } from '../queue/message.ts';
import type { Inserted, Take, Token } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idToBytes, newId } from '../runtime/id.ts';
import type { Database, Queries, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { bit, idOf, messageIdKey, NULL_SENDER, priorityNumber, searchKey } from './rows.ts';
import { tokenOf } from './sql-lease.ts';
import { type Barred, bounceBarred, suppressedAmong } from './sql-suppress.ts';
import { takenAmong } from './sql-take.ts';
import { inKeys, insertRows, queryByKeys } from './statements.ts';

const MESSAGE_COLUMNS = [
  'id',
  'created_at',
  'sender',
  'sender_key',
  'message_id',
  'message_id_key',
  'subject',
  'subject_key',
  'size',
  'eight_bit',
  'smtputf8',
  'ret',
  'envelope_id',
  'priority',
  'origin',
  'report_on',
  'submit_key',
  'tags',
  'metadata',
  'retry',
  'chunks',
  'content',
];

const DELIVERY_COLUMNS = [
  'id',
  'ordinal',
  'recipient',
  'recipient_key',
  'notify',
  'original_recipient',
  'relay',
  'state',
  'reason',
  'priority',
  'due_at',
  'expires_at',
  'delay_report_at',
  'changed_at',
  'attempts',
  'token',
  'holder',
  'claimed_at',
  'lease_until',
];

function messageValues({ message, content }: NewMessage): Value[] {
  return [
    idToBytes(message.id),
    message.createdAt,
    message.sender,
    message.sender === null ? NULL_SENDER : searchKey(message.sender),
    message.messageId,
    messageIdKey(message.messageId),
    message.subject,
    message.subject?.toLowerCase() ?? null,
    message.size,
    bit(message.eightBit),
    bit(message.smtputf8),
    message.ret,
    message.envelopeId,
    priorityNumber(message.priority),
    message.origin,
    message.reportOn === null ? null : idToBytes(message.reportOn),
    message.key,
    JSON.stringify(message.tags),
    JSON.stringify(message.metadata),
    message.retry === null ? null : JSON.stringify(message.retry),
    'bytes' in content ? 0 : content.stagedChunks,
    'bytes' in content ? content.bytes : null,
  ];
}

function deliveryValues(
  id: Uint8Array,
  ordinal: number,
  delivery: NewDelivery,
  priority: number,
  suppressed: boolean,
  claim: readonly Value[] | undefined,
  now: Instant,
): Value[] {
  const waits = delivery.held === null ? 'queued' : 'held';
  const state = suppressed ? 'bounced' : claim === undefined ? waits : 'sending';
  return [
    id,
    ordinal,
    delivery.recipient,
    searchKey(delivery.recipient),
    delivery.notify?.join(',') ?? null,
    delivery.originalRecipient,
    delivery.relay,
    state,
    suppressed ? 'suppressed' : delivery.held,
    priority,
    delivery.dueAt,
    delivery.expiresAt,
    delivery.delayReportAt,
    now,
    ...(claim ?? NOT_CLAIMED),
  ];
}

/** Attempts, token, holder, and the span of the lease. */
const NOT_CLAIMED: readonly Value[] = [0, null, null, null, null];

export async function insert(
  database: Database,
  dialect: Dialect,
  messages: readonly NewMessage[],
  now: Instant,
  takes: readonly Take[] = [],
): Promise<readonly Inserted[]> {
  if (messages.length === 0) return [];
  return database.transaction((tx) => insertMessages(tx, dialect, messages, now, takes), { weight: messages.length });
}

/** The same inside a transaction that is there already: a settlement's, or the caller's own. */
export async function insertMessages(
  tx: Queries,
  dialect: Dialect,
  messages: readonly NewMessage[],
  now: Instant,
  takes: readonly Take[] = [],
): Promise<readonly Inserted[]> {
  const unlessTaken = dialect.unlessTaken('submit_key', dialect.partialIndexes ? 'submit_key IS NOT NULL' : undefined);
  await insertRows(tx, dialect, 'messages', MESSAGE_COLUMNS, messages.map(messageValues), unlessTaken);
  const holders = await keyHolders(tx, messages);
  const answers = messages.map(({ message }) => {
    const id = message.key === null ? message.id : (holders.get(message.key) ?? message.id);
    return { id, duplicate: id !== message.id };
  });
  const fresh = messages.filter((_, i) => answers[i]?.duplicate === false);
  const duplicates = messages.filter((_, i) => answers[i]?.duplicate === true);
  const tokens = await insertDeliveries(tx, dialect, fresh, now, takes);
  await adoptStaged(tx, fresh);
  for (const { message, content } of duplicates) if ('stagedChunks' in content) await dropStaged(tx, message.id);
  return answers.map((answer): Inserted => {
    const token = answer.duplicate ? undefined : tokens.get(answer.id);
    return token === undefined ? answer : { ...answer, token };
  });
}

/** Which message has each of the keys, now that all of them were offered. */
async function keyHolders(tx: Queries, messages: readonly NewMessage[]): Promise<ReadonlyMap<string, Id>> {
  const keys = messages.flatMap(({ message }) => (message.key === null ? [] : [message.key]));
  const lists = inKeys('submit_key', keys);
  const { rows } = await queryByKeys(tx, lists, (keys) => `SELECT id, submit_key FROM messages WHERE ${keys}`);
  return new Map(rows.map((row) => [row.submit_key as string, idOf(row.id)]));
}

/** Answers with the tokens of those that were claimed at once. */
async function insertDeliveries(
  tx: Queries,
  dialect: Dialect,
  messages: readonly NewMessage[],
  now: Instant,
  takes: readonly Take[],
): Promise<ReadonlyMap<Id, Token>> {
  const recipients = messages.flatMap(({ deliveries }) => deliveries.map((delivery) => delivery.recipient));
  const suppressed = await suppressedAmong(tx, recipients, now);
  const clear = (each: NewMessage): boolean => !each.deliveries.some(({ recipient }) => suppressed(recipient));
  const taken = await takenAmong(tx, messages, takes, clear, now);
  const right = idToBytes(newId(now));
  const barred: Barred[] = [];
  const rows = messages.flatMap(({ message, deliveries }) => {
    const id = idToBytes(message.id);
    const priority = priorityNumber(message.priority);
    const take = taken.get(message.id);
    const claim = take === undefined ? undefined : [1, right, idToBytes(take.holder), now, take.until];
    return deliveries.map((delivery, i) => {
      const entry = suppressed(delivery.recipient);
      if (entry !== undefined) barred.push({ key: [id, i + 1], entry });
      return deliveryValues(id, i + 1, delivery, priority, entry !== undefined, claim, now);
    });
  });
  await insertRows(tx, dialect, 'deliveries', DELIVERY_COLUMNS, rows);
  // Apart, so that the many which are not suppressed carry no columns for it.
  await bounceBarred(tx, dialect, barred, now);
  return new Map([...taken.keys()].map((id) => [id, tokenOf(right, id)]));
}

/** Staged chunks become their message's by losing their mark; a content that is not whole stops everything. */
async function adoptStaged(tx: Queries, messages: readonly NewMessage[]): Promise<void> {
  for (const { message, content } of messages) {
    if ('bytes' in content) continue;
    const id = idToBytes(message.id);
    const { rows } = await tx.query('SELECT COUNT(*) AS chunks FROM contents WHERE id = ?', [id]);
    if (Number(rows[0]?.chunks) !== content.stagedChunks) {
      throw new PosthasteError(
        'NOT_FOUND',
        `The staged content of message ${message.id} is not whole: submit it again.`,
      );
    }
    await tx.query('DELETE FROM staging WHERE id = ?', [id]);
  }
}

export async function stage(
  database: Database,
  dialect: Dialect,
  id: Id,
  sequence: number,
  bytes: Uint8Array,
  now: Instant,
): Promise<void> {
  const key = idToBytes(id);
  await database.transaction(async (tx) => {
    if (sequence === 0) await insertRows(tx, dialect, 'staging', ['id', 'staged_at'], [[key, now]]);
    await tx.query('INSERT INTO contents (id, sequence, bytes) VALUES (?, ?, ?)', [key, sequence, bytes]);
  });
}

/** Does nothing for a message that is there: its content is not staged any more. */
export async function unstage(database: Database, id: Id): Promise<void> {
  await database.transaction((tx) => dropStaged(tx, id), { commit: 'riding' });
}

async function dropStaged(tx: Queries, id: Id): Promise<boolean> {
  const key = idToBytes(id);
  const { changed } = await tx.query('DELETE FROM staging WHERE id = ?', [key]);
  if (changed === 0) return false;
  await tx.query('DELETE FROM contents WHERE id = ?', [key]);
  return true;
}

/** One transaction for each content: each may be large, and submissions go between them. */
export async function sweepStaged(database: Database, before: Instant): Promise<number> {
  const { rows } = await database.query('SELECT id FROM staging WHERE staged_at < ?', [before]);
  let swept = 0;
  for (const row of rows) {
    if (await database.transaction((tx) => dropStaged(tx, idOf(row.id)), { commit: 'riding' })) swept++;
  }
  return swept;
}
