/** Submission: messages with their deliveries and contents, and the staging of contents too large for memory. */
import { PosthasteError } from '../errors.ts';
import type { Address } from '../mail/address.ts';
import type { NewDelivery, NewMessage } from '../queue/message.ts';
import type { Inserted, Take, Token } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idToBytes, newId } from '../runtime/id.ts';
import { type Database, LostRace, type Queries, type Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { bit, idOf, messageIdKey, NULL_SENDER, priorityNumber, searchKey } from './rows.ts';
import { DROP } from './sql-contents.ts';
import { tokenOf } from './sql-lease.ts';
import { type Barred, bounceBarred, presence, suppressedAmong } from './sql-suppress.ts';
import { takenAmong } from './sql-take.ts';
import { tellSubmitted } from './sql-tell.ts';
import { inKeys, insertRowsSteps, queryByKeysSteps } from './statements.ts';
import { ask, carryOut, type Steps } from './steps.ts';

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
  'trace',
  'drop_content',
  'chunks',
  'content',
];

const KEY_COLUMNS = ['submit_key', 'id', 'message_id', 'key_digest'];

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
    message.trace === null ? null : JSON.stringify(message.trace),
    message.keepContent ? DROP.never : DROP.atEnd,
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
  // The same for all runs: a claim that was made by one of them is known by it.
  const right = idToBytes(newId(now));
  const work = async (tx: Queries, again: boolean): Promise<readonly Inserted[]> => {
    const kept = again ? await carryOut(tx, keptBefore(messages, right)) : new Map<Id, Inserted>();
    const rest = messages.filter(({ message }) => !kept.has(message.id));
    const inserted = await insertMessages(tx, dialect, rest, now, takes, right);
    const answers = new Map(rest.map(({ message }, i) => [message.id, inserted[i] as Inserted]));
    return messages.map(({ message: { id } }) => kept.get(id) ?? (answers.get(id) as Inserted));
  };
  const news = (inserted: readonly Inserted[]): boolean => inserted.some(({ token }) => token === undefined);
  return database.transaction(work, { weight: messages.length, repeatable: true, news });
}

/** Those that an earlier run has kept, whose answer was lost: ids are made here and mean one message. */
function* keptBefore(messages: readonly NewMessage[], right: Uint8Array): Steps<ReadonlyMap<Id, Inserted>> {
  const lists = inKeys(
    'id',
    messages.map(({ message }) => idToBytes(message.id)),
  );
  const { rows } = yield* queryByKeysSteps(lists, (keys) => `SELECT id FROM posthaste_messages WHERE ${keys}`);
  const own = (keys: string): string => `SELECT id FROM posthaste_deliveries WHERE token = ? AND ${keys}`;
  const claimed = yield* queryByKeysSteps(lists, own, [right]);
  const taken = new Set(claimed.rows.map((row) => idOf(row.id)));
  return new Map(
    rows.map((row) => {
      const id = idOf(row.id);
      return [id, { id, duplicate: false, ...(taken.has(id) && { token: tokenOf(right, id) }) }];
    }),
  );
}

/** The same inside a transaction that is there already. */
export function insertMessages(tx: Queries, ...args: Parameters<typeof insertSteps>): Promise<readonly Inserted[]> {
  return carryOut(tx, insertSteps(...args));
}

export function* insertSteps(
  dialect: Dialect,
  messages: readonly NewMessage[],
  now: Instant,
  takes: readonly Take[] = [],
  right: Uint8Array = idToBytes(newId(now)),
): Steps<readonly Inserted[]> {
  const holders = yield* takeKeys(dialect, messages);
  const answers = messages.map((message) => answerFor(message, holders));
  const fresh = messages.filter((_, i) => answers[i]?.duplicate === false);
  const duplicates = messages.filter((_, i) => answers[i]?.duplicate === true);
  yield* insertRowsSteps(dialect, 'posthaste_messages', MESSAGE_COLUMNS, fresh.map(messageValues));
  const { tokens, suppressed } = yield* insertDeliveries(dialect, fresh, now, takes, right);
  yield* adoptStaged(dialect, fresh);
  for (const { message, content } of duplicates) if ('stagedChunks' in content) yield* dropStaged(message.id);
  return answers.map((answer): Inserted => {
    const token = answer.duplicate ? undefined : tokens.get(answer.id);
    const barred = answer.duplicate ? undefined : suppressed.get(answer.id);
    return { ...answer, ...(token && { token }), ...(barred && { suppressed: barred }) };
  });
}

function answerFor({ message, keyDigest }: NewMessage, holders: ReadonlyMap<string, KeyHolder>): Inserted {
  const holder = message.key === null ? undefined : holders.get(message.key);
  // Whoever had the key was removed between the two statements, and nothing was inserted.
  if (message.key !== null && holder === undefined) throw new LostRace(`the holder of the key ${message.key} is gone`);
  if (holder === undefined || holder.id === message.id) return { id: message.id, duplicate: false };
  const { id, messageId, digest } = holder;
  const differs = digest !== null && keyDigest !== undefined && Buffer.compare(digest, keyDigest) !== 0;
  return { id, duplicate: true, first: { messageId, differs } };
}

/** The message that has a key. */
interface KeyHolder {
  readonly id: Id;
  readonly messageId: string;
  readonly digest: Uint8Array | null;
}

/**
 * Offers the keys, and then asks who has each of them: with a lock, for others may have come after the caller's snapshot. Where another
 * transaction has one and is not committed, this waits for it.
 */
function* takeKeys(dialect: Dialect, messages: readonly NewMessage[]): Steps<ReadonlyMap<string, KeyHolder>> {
  const offers = messages.flatMap(({ message: { key, id, messageId }, keyDigest = null }) =>
    key === null ? [] : [[key, idToBytes(id), messageId, keyDigest]],
  );
  if (offers.length === 0) return new Map();
  yield* insertRowsSteps(dialect, 'posthaste_keys', KEY_COLUMNS, offers, dialect.unlessTaken('submit_key'));
  const lists = inKeys(
    'submit_key',
    offers.map(([key]) => key as Value),
  );
  const columns = KEY_COLUMNS.join(', ');
  const sql = (keys: string): string => `SELECT ${columns} FROM posthaste_keys WHERE ${keys}${dialect.keep}`;
  const { rows } = yield* queryByKeysSteps(lists, sql);
  return new Map(
    rows.map((row) => {
      const digest = row.key_digest as Uint8Array | null;
      return [row.submit_key as string, { id: idOf(row.id), messageId: row.message_id as string, digest }];
    }),
  );
}

interface InsertedDeliveries {
  /** Of the messages that were claimed at once. */
  readonly tokens: ReadonlyMap<Id, Token>;
  readonly suppressed: ReadonlyMap<Id, readonly Address[]>;
}

function* insertDeliveries(
  dialect: Dialect,
  messages: readonly NewMessage[],
  now: Instant,
  takes: readonly Take[],
  right: Uint8Array,
): Steps<InsertedDeliveries> {
  const recipients = messages.flatMap(({ deliveries }) => deliveries.map((delivery) => delivery.recipient));
  const { barring, telling } = yield* presence();
  const suppressed = yield* suppressedAmong(recipients, now, barring);
  const clear = (each: NewMessage): boolean => !each.deliveries.some(({ recipient }) => suppressed(recipient));
  const taken = yield* takenAmong(dialect, messages, takes, clear, now);
  const barred: (Barred & { readonly id: Id; readonly recipient: Address })[] = [];
  const rows = messages.flatMap(({ message, deliveries }) => {
    const id = idToBytes(message.id);
    const priority = priorityNumber(message.priority);
    const take = taken.get(message.id);
    const claim = take === undefined ? undefined : [1, right, idToBytes(take.holder), now, take.until];
    return deliveries.map((delivery, i) => {
      const entry = suppressed(delivery.recipient);
      if (entry !== undefined) barred.push({ key: [id, i + 1], entry, id: message.id, recipient: delivery.recipient });
      return deliveryValues(id, i + 1, delivery, priority, entry !== undefined, claim, now);
    });
  });
  yield* insertRowsSteps(dialect, 'posthaste_deliveries', DELIVERY_COLUMNS, rows);
  // Apart, so that the many which are not suppressed carry no columns for it.
  yield* bounceBarred(dialect, barred, now);
  if (telling)
    yield* tellSubmitted(
      dialect,
      rows.map(([id, ordinal]) => [id as Value, ordinal as Value]),
      now,
    );
  const suppressedOf = Map.groupBy(barred, ({ id }) => id);
  return {
    tokens: new Map([...taken.keys()].map((id) => [id, tokenOf(right, id)])),
    suppressed: new Map([...suppressedOf].map(([id, some]) => [id, some.map(({ recipient }) => recipient)])),
  };
}

/** Staged chunks become their message's by losing their mark; a content that is not whole stops everything. */
function* adoptStaged({ latest }: Dialect, messages: readonly NewMessage[]): Steps<void> {
  for (const { message, content } of messages) {
    if ('bytes' in content) continue;
    const id = idToBytes(message.id);
    // The mark goes first: who sweeps at the same time waits for this transaction then, or this one finds it swept.
    const { changed } = yield* ask('DELETE FROM posthaste_staging WHERE id = ?', [id]);
    const { rows } = yield* ask(`SELECT COUNT(*) AS chunks FROM posthaste_contents WHERE id = ?${latest}`, [id]);
    if (changed === 0 || Number(rows[0]?.chunks) !== content.stagedChunks) {
      throw new PosthasteError(
        'NOT_FOUND',
        `The staged content of message ${message.id} is not whole: submit it again.`,
      );
    }
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
  await database.transaction((tx) => carryOut(tx, stageSteps(dialect, id, sequence, bytes, now)));
}

export function* stageSteps(dialect: Dialect, id: Id, sequence: number, bytes: Uint8Array, now: Instant): Steps<void> {
  const key = idToBytes(id);
  if (sequence === 0) yield* insertRowsSteps(dialect, 'posthaste_staging', ['id', 'staged_at'], [[key, now]]);
  yield* ask('INSERT INTO posthaste_contents (id, sequence, bytes) VALUES (?, ?, ?)', [key, sequence, bytes]);
}

/** Does nothing for a message that is there: its content is not staged any more. */
export async function unstage(database: Database, id: Id): Promise<void> {
  await database.transaction((tx) => carryOut(tx, dropStaged(id)), { commit: 'riding' });
}

export function* dropStaged(id: Id): Steps<boolean> {
  const key = idToBytes(id);
  const { changed } = yield* ask('DELETE FROM posthaste_staging WHERE id = ?', [key]);
  if (changed === 0) return false;
  yield* ask('DELETE FROM posthaste_contents WHERE id = ?', [key]);
  return true;
}

/** One transaction for each content: each may be large, and submissions go between them. */
export async function sweepStaged(database: Database, before: Instant): Promise<number> {
  const { rows } = await database.query('SELECT id FROM posthaste_staging WHERE staged_at < ?', [before]);
  let swept = 0;
  for (const row of rows) {
    const drop = (tx: Queries): Promise<boolean> => carryOut(tx, dropStaged(idOf(row.id)));
    if (await database.transaction(drop, { commit: 'riding' })) swept++;
  }
  return swept;
}
