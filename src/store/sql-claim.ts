/** Claims: the exclusive right of one worker to try some deliveries until a lease ends. */
import type { Delivery } from '../queue/delivery.ts';
import type { Claim, ClaimRequest, Token } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idFromBytes, idToBytes, isId, newId } from '../runtime/id.ts';
import type { Database, Queries, Row, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { DELIVERY_COLUMNS, deliveryOf, idOf, MESSAGE_COLUMNS, messageOf, priorityNumber } from './rows.ts';
import { gateOf, takeProbe } from './sql-relays.ts';
import { suppressedAmong } from './sql-suppress.ts';
import { inKeys, inPairs, queryByKeys } from './statements.ts';

/** Contents up to this size come with the claim, octets. */
const INLINE_CONTENT = 256 * 1024;
/** All contents of one claim together, octets: memory must not grow with the limit that a caller names. */
const INLINE_TOTAL = 8 * 1024 * 1024;
/** Priorities that are claimed by themselves, in this order; `deferred` waits for a person. */
const CLAIMED = ['high', 'medium', 'low'].map((priority) => priorityNumber(priority as 'high'));
const LAST_CLAIMED = Math.max(...CLAIMED);

/** What was chosen, by message, in the order in which it is to be sent. */
type Chosen = readonly (readonly Row[])[];

/** The right as the database keeps it is one for the whole claim; with the message's id it fences each message alone. */
export function tokenOf(batch: Uint8Array, id: Id): Token {
  return `${idFromBytes(batch)}/${id}`;
}

/** The message and the right that a token names; undefined for a text that is none. */
export function parseToken(token: Token): { readonly id: Uint8Array; readonly batch: Uint8Array } | undefined {
  const [batch, id] = token.split('/');
  if (batch === undefined || id === undefined || !isId(batch) || !isId(id)) return undefined;
  return { id: idToBytes(id), batch: idToBytes(batch) };
}

/** A lost claim is made again after the power is back, so its commit waits for no disk. */
export function claim(database: Database, dialect: Dialect, request: ClaimRequest): Promise<readonly Claim[]> {
  return database.transaction((tx) => claimDue(tx, dialect, request), { commit: 'unsynced' });
}

async function claimDue(tx: Queries, dialect: Dialect, request: ClaimRequest): Promise<readonly Claim[]> {
  const gate = await gateOf(tx, request.relay, request.now);
  if (gate === 'shut') return [];
  const chosen = await chooseDue(tx, dialect, request, gate === 'probe' ? 1 : request.limit);
  if (chosen.length === 0) return [];
  if (gate === 'probe' && !(await takeProbe(tx, request))) return [];
  return take(tx, dialect, chosen, request);
}

/** Goes on where suppressed ones left room, so that an empty claim means that nothing is due. */
async function chooseDue(tx: Queries, dialect: Dialect, request: ClaimRequest, maxMessages: number): Promise<Chosen> {
  const chosen: Row[][] = [];
  let room = request.limit;
  while (room > 0 && chosen.length < maxMessages) {
    const heads = await dueHeads(tx, dialect, request, chosen, maxMessages === 1 ? 1 : room);
    const messages = cut(await dueOf(tx, dialect, request, heads), room);
    if (messages.length === 0) break;
    const rest = await dropSuppressed(tx, dialect, messages, request.now);
    chosen.push(...rest);
    room -= rest.flat().length;
    if (rest.flat().length === messages.flat().length) break;
  }
  return chosen;
}

/** Ids of messages in the order of their first due delivery. Reads only the index, and of it no more than is taken. */
async function dueHeads(
  tx: Queries,
  dialect: Dialect,
  { relay, now }: ClaimRequest,
  chosen: Chosen,
  limit: number,
): Promise<Uint8Array[]> {
  const sql =
    "SELECT id, ordinal FROM deliveries WHERE state = 'queued' AND relay = ? AND priority = ? AND due_at <= ? " +
    `ORDER BY due_at, id, ordinal LIMIT ?${dialect.lockFree}`;
  const taken = chosen.flat().length;
  const rows: Row[] = [];
  for (const priority of CLAIMED) {
    if (rows.length >= limit + taken) break;
    rows.push(...(await tx.query(sql, [relay, priority, now, limit + taken - rows.length])).rows);
  }
  const before = new Set(chosen.map((message) => idOf(message[0]?.id)));
  const fresh = new Map(rows.map((row) => [idOf(row.id), row.id as Uint8Array]));
  return [...fresh].filter(([id]) => !before.has(id)).map(([, bytes]) => bytes);
}

/** All due deliveries of these messages, so that what goes together is sent together. */
function dueOf(
  tx: Queries,
  dialect: Dialect,
  { relay, now }: ClaimRequest,
  heads: readonly Uint8Array[],
): Promise<Row[][]> {
  const isDue = (row: Row): boolean =>
    row.relay === relay && (row.due_at as number) <= now && (row.priority as number) <= LAST_CLAIMED;
  return queuedOf(tx, dialect, heads, isDue);
}

/** The queued deliveries of these messages that fit, by message. Only ids are asked for, so that no other index is tempting. */
async function queuedOf(
  tx: Queries,
  dialect: Dialect,
  heads: readonly Uint8Array[],
  fits: (row: Row) => boolean,
): Promise<Row[][]> {
  const sql = (keys: string): string =>
    `SELECT ${DELIVERY_COLUMNS} FROM deliveries d WHERE ${keys} AND d.state = 'queued' ORDER BY d.id, d.ordinal${dialect.lockFree}`;
  const { rows } = await queryByKeys(tx, inKeys('d.id', heads), sql);
  return byMessage(heads, rows.filter(fits));
}

function byMessage(heads: readonly Uint8Array[], rows: readonly Row[]): Row[][] {
  const groups = new Map<Id, Row[]>(heads.map((head) => [idFromBytes(head), []]));
  for (const row of rows) groups.get(idOf(row.id))?.push(row);
  return [...groups.values()].filter((group) => group.length > 0);
}

/** The first `room` deliveries. */
function cut(messages: readonly Row[][], room: number): Row[][] {
  const result: Row[][] = [];
  for (const rows of messages) {
    const fits = rows.slice(0, room);
    if (fits.length > 0) result.push(fits);
    room -= fits.length;
  }
  return result;
}

/** queued -> bounced/suppressed for those that were suppressed since they were submitted; answers with the others. */
async function dropSuppressed(tx: Queries, dialect: Dialect, messages: Row[][], now: Instant): Promise<Row[][]> {
  const recipients = messages.flat().map((row) => row.recipient as string);
  const suppressed = await suppressedAmong(tx, recipients, now);
  const isSuppressed = (row: Row): boolean => suppressed(row.recipient as string);
  const dropped = messages.flat().filter(isSuppressed);
  if (dropped.length === 0) return messages;
  const sql = "UPDATE deliveries SET state = 'bounced', reason = 'suppressed', changed_at = ? WHERE ";
  await queryByKeys(tx, inPairs(dialect, 'id, ordinal', keysOf(dropped)), (keys) => sql + keys, [now]);
  return messages.map((rows) => rows.filter((row) => !isSuppressed(row))).filter((rows) => rows.length > 0);
}

export function keysOf(rows: readonly Row[]): [Value, Value][] {
  return rows.map((row) => [row.id as Value, row.ordinal as Value]);
}

/** queued -> sending, and everything that is needed to send. */
async function take(
  tx: Queries,
  dialect: Dialect,
  chosen: Chosen,
  { now, until, holder }: Omit<ClaimRequest, 'relay'>,
): Promise<Claim[]> {
  const batch = idToBytes(newId(now));
  const sql =
    "UPDATE deliveries SET state = 'sending', reason = NULL, token = ?, holder = ?, claimed_at = ?, lease_until = ?, " +
    'attempts = attempts + 1, changed_at = ? WHERE ';
  const before = [batch, idToBytes(holder), now, until, now];
  await queryByKeys(tx, inPairs(dialect, 'id, ordinal', keysOf(chosen.flat())), (keys) => sql + keys, before);
  const messages = await messagesOf(tx, chosen);
  return chosen.flatMap((rows) => {
    const id = idOf(rows[0]?.id);
    const found = messages.get(id);
    if (found === undefined) return [];
    const message = messageOf(found);
    const deliveries = rows.map((row): Delivery => {
      const delivery = deliveryOf(row, message.createdAt);
      return { ...delivery, state: 'sending', reason: null, attempts: delivery.attempts + 1, changedAt: now };
    });
    return [
      { token: tokenOf(batch, id), message, deliveries, content: (found.content as Uint8Array | null) ?? undefined },
    ];
  });
}

/** The messages with those of their contents that are small enough, first come first served. */
async function messagesOf(tx: Queries, chosen: Chosen): Promise<ReadonlyMap<Id, Row>> {
  const ids = chosen.map((rows) => rows[0]?.id as Uint8Array);
  // What fits in any case comes with the message; for what is larger the room that is left is counted first.
  const certain = Math.min(INLINE_CONTENT, Math.floor(INLINE_TOTAL / ids.length));
  const select = (keys: string): string =>
    `SELECT ${MESSAGE_COLUMNS}, CASE WHEN size <= ? THEN content END AS content FROM messages WHERE ${keys}`;
  const { rows } = await queryByKeys(tx, inKeys('id', ids), select, [certain]);
  const messages = new Map(rows.map((row) => [idOf(row.id), row]));
  const larger = withinRoom(ids, messages, certain);
  const contents = await queryByKeys(
    tx,
    inKeys('id', larger),
    (keys) => `SELECT id, content FROM messages WHERE ${keys}`,
  );
  for (const { id, content } of contents.rows) {
    const row = messages.get(idOf(id));
    if (row !== undefined) messages.set(idOf(id), { ...row, content: content as Value });
  }
  return messages;
}

/** Those of more than `certain` octets that still fit beside the others. */
function withinRoom(ids: readonly Uint8Array[], messages: ReadonlyMap<Id, Row>, certain: number): Uint8Array[] {
  const sizes = ids.map((id) => (messages.get(idFromBytes(id))?.size as number | undefined) ?? 0);
  let room = sizes.reduce((left, size) => (size <= certain ? left - size : left), INLINE_TOTAL);
  return ids.filter((_, i) => {
    const size = sizes[i] as number;
    const fits = size > certain && size <= INLINE_CONTENT && size <= room;
    if (fits) room -= size;
    return fits;
  });
}

export function claimExpired(
  database: Database,
  dialect: Dialect,
  request: Omit<ClaimRequest, 'relay'>,
): Promise<readonly Claim[]> {
  const work = async (tx: Queries): Promise<readonly Claim[]> => {
    const headsSql =
      "SELECT id, ordinal FROM deliveries WHERE state = 'queued' AND expires_at <= ? " +
      `ORDER BY expires_at LIMIT ?${dialect.lockFree}`;
    const { rows: found } = await tx.query(headsSql, [request.now, request.limit]);
    const heads = [...new Map(found.map((row) => [idOf(row.id), row.id as Uint8Array])).values()];
    const hasExpired = (row: Row): boolean => (row.expires_at as number) <= request.now;
    const chosen = cut(await queuedOf(tx, dialect, heads, hasExpired), request.limit);
    return chosen.length === 0 ? [] : take(tx, dialect, chosen, request);
  };
  return database.transaction(work, { commit: 'unsynced' });
}

/** Claims whose lease still holds answer to their token; the others have been taken over or ended. */
export async function renew(
  database: Database,
  dialect: Dialect,
  tokens: readonly Token[],
  until: Instant,
): Promise<readonly Token[]> {
  const pairs = pairsOf(tokens);
  if (pairs.length === 0) return [];
  const work = async (tx: Queries): Promise<readonly Token[]> => {
    const lists = inPairs(dialect, 'id, token', pairs);
    const update = (keys: string): string =>
      `UPDATE deliveries SET lease_until = ? WHERE ${keys} AND state = 'sending'`;
    await queryByKeys(tx, lists, update, [until]);
    const select = (keys: string): string => `SELECT id, token FROM deliveries WHERE ${keys} AND state = 'sending'`;
    const { rows } = await queryByKeys(tx, lists, select);
    const held = new Set(rows.map((row) => tokenOf(row.token as Uint8Array, idOf(row.id))));
    return tokens.filter((token) => held.has(token));
  };
  return database.transaction(work, { commit: 'riding', weight: tokens.length });
}

/** Message and right of each token, as the database compares them. */
export function pairsOf(tokens: readonly Token[]): [Uint8Array, Uint8Array][] {
  return tokens.flatMap((token) => {
    const parsed = parseToken(token);
    return parsed === undefined ? [] : [[parsed.id, parsed.batch] as [Uint8Array, Uint8Array]];
  });
}

/** One look at the index for each priority. */
export async function nextDue(database: Database, relay: string): Promise<Instant | null> {
  const least = "SELECT MIN(due_at) FROM deliveries WHERE state = 'queued' AND relay = ? AND priority = ?";
  const sql = `SELECT ${CLAIMED.map((_, i) => `(${least}) AS p${i}`).join(', ')}`;
  const { rows } = await database.query(
    sql,
    CLAIMED.flatMap((priority) => [relay, priority]),
  );
  const times = Object.values(rows[0] ?? {}).filter((time): time is number => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}
