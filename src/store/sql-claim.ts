/** Claims: the exclusive right of one worker to try some deliveries until a lease ends. */
import type { Delivery } from '../queue/delivery.ts';
import type { Claim, ClaimRequest } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idToBytes, newId } from '../runtime/id.ts';
import type { Database, Queries, Row, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { CLAIMED, DELIVERY_COLUMNS, deliveryOf, idOf, MESSAGE_COLUMNS, messageOf } from './rows.ts';
import { tokenOf } from './sql-lease.ts';
import { quotaOf } from './sql-rates.ts';
import { gateOf, takeProbe } from './sql-relays.ts';
import { bounceBarred, suppressedAmong } from './sql-suppress.ts';
import { inKeys, inPairs, queryByKeys } from './statements.ts';

/** Contents up to this size come with the claim, octets. */
const INLINE_CONTENT = 256 * 1024;
/** All contents of one claim together, octets: memory must not grow with the limit that a caller names. */
const INLINE_TOTAL = 8 * 1024 * 1024;
const LAST_CLAIMED = Math.max(...CLAIMED);

/** Deliveries of one message that are claimed together. */
interface Group {
  readonly id: Id;
  readonly key: Uint8Array;
  readonly rows: readonly Row[];
}

/** A lost claim is made again after the power is back, so its commit waits for no disk. */
export function claim(database: Database, dialect: Dialect, request: ClaimRequest): Promise<readonly Claim[]> {
  return database.transaction((tx) => claimDue(tx, dialect, request), { commit: 'unsynced' });
}

async function claimDue(tx: Queries, dialect: Dialect, request: ClaimRequest): Promise<readonly Claim[]> {
  const gate = await gateOf(tx, request);
  if (gate === 'shut') return [];
  const quota = await quotaOf(tx, dialect, request);
  const limit = Math.min(request.limit, quota.room);
  const chosen = await chooseDue(tx, dialect, { ...request, limit }, gate === 'probe' ? 1 : limit);
  if (chosen.length === 0) return [];
  if (gate === 'probe' && !(await takeProbe(tx, request))) return [];
  await quota.spend(size(chosen));
  return take(tx, dialect, chosen, request);
}

/** Goes on where suppressed ones left room, so that an empty claim means that nothing is due. */
async function chooseDue(tx: Queries, dialect: Dialect, request: ClaimRequest, maxMessages: number): Promise<Group[]> {
  const chosen: Group[] = [];
  for (let room = request.limit; room > 0 && chosen.length < maxMessages; room = request.limit - size(chosen)) {
    const heads = await dueHeads(tx, dialect, request, chosen, maxMessages === 1 ? 1 : room);
    const groups = cut(await dueOf(tx, dialect, request, heads), room);
    const rest = await dropSuppressed(tx, dialect, groups, request.now);
    chosen.push(...rest);
    if (size(rest) === size(groups)) break;
  }
  return chosen;
}

function size(groups: readonly Group[]): number {
  return groups.reduce((sum, { rows }) => sum + rows.length, 0);
}

/** Messages in the order of their first due delivery. Reads only the index, and of it no more than is taken. */
async function dueHeads(
  tx: Queries,
  dialect: Dialect,
  { relay, now, standIn }: ClaimRequest,
  chosen: readonly Group[],
  limit: number,
): Promise<Heads> {
  const sql =
    "SELECT id, ordinal FROM deliveries WHERE state = 'queued' AND relay = ? AND priority = ? AND due_at <= ? " +
    `${standIn === true ? 'AND in_doubt = 0 ' : ''}ORDER BY due_at, id, ordinal LIMIT ?${dialect.lockFree}`;
  // What was chosen before is still queued and comes first again.
  const most = limit + size(chosen);
  const rows: Row[] = [];
  for (const priority of CLAIMED) {
    if (rows.length < most) rows.push(...(await tx.query(sql, [relay, priority, now, most - rows.length])).rows);
  }
  const heads = headsOf(rows);
  for (const { id } of chosen) heads.delete(id);
  return heads;
}

/** Messages by id, in the order in which they are to be sent. */
type Heads = Map<Id, Uint8Array>;

function headsOf(rows: readonly Row[]): Heads {
  return new Map(rows.map((row) => [idOf(row.id), row.id as Uint8Array]));
}

/** All due deliveries of these messages, so that what goes together is sent together. */
function dueOf(tx: Queries, dialect: Dialect, request: ClaimRequest, heads: Heads): Promise<Group[]> {
  const { relay, now, standIn } = request;
  const isDue = (row: Row): boolean =>
    row.relay === relay &&
    (row.due_at as number) <= now &&
    (row.priority as number) <= LAST_CLAIMED &&
    (standIn !== true || row.in_doubt === 0);
  return queuedOf(tx, dialect, heads, isDue);
}

/** The queued deliveries of these messages that fit. Only ids are asked for, so that no other index is tempting. */
async function queuedOf(tx: Queries, dialect: Dialect, heads: Heads, fits: (row: Row) => boolean): Promise<Group[]> {
  const sql = (keys: string): string =>
    `SELECT ${DELIVERY_COLUMNS} FROM deliveries d WHERE ${keys} AND d.state = 'queued' ORDER BY d.id, d.ordinal${dialect.lockFree}`;
  const { rows } = await queryByKeys(tx, inKeys('d.id', [...heads.values()]), sql);
  const byMessage = new Map<Id, Row[]>();
  for (const row of rows) {
    if (!fits(row)) continue;
    const id = idOf(row.id);
    const some = byMessage.get(id);
    if (some === undefined) byMessage.set(id, [row]);
    else some.push(row);
  }
  return [...heads].flatMap(([id, key]) => {
    const some = byMessage.get(id);
    return some === undefined ? [] : [{ id, key, rows: some }];
  });
}

/** The first `room` deliveries. */
function cut(groups: readonly Group[], room: number): Group[] {
  const result: Group[] = [];
  let left = room;
  for (const group of groups) {
    if (left <= 0) break;
    result.push({ ...group, rows: group.rows.slice(0, left) });
    left -= group.rows.length;
  }
  return result;
}

/** queued -> bounced/suppressed for those that were suppressed since they were submitted; answers with the others. */
async function dropSuppressed(
  tx: Queries,
  dialect: Dialect,
  groups: readonly Group[],
  now: Instant,
): Promise<readonly Group[]> {
  const rows = groups.flatMap((group) => group.rows);
  const recipients = rows.map((row) => row.recipient as string);
  const suppressed = await suppressedAmong(tx, recipients, now);
  const isSuppressed = (row: Row): boolean => suppressed(row.recipient as string) !== undefined;
  const barred = rows.flatMap((row) => {
    const entry = suppressed(row.recipient as string);
    return entry === undefined ? [] : [{ key: keyOf(row), entry }];
  });
  if (barred.length === 0) return groups;
  await bounceBarred(tx, dialect, barred, now);
  const rest = groups.map((group) => ({ ...group, rows: group.rows.filter((row) => !isSuppressed(row)) }));
  return rest.filter((group) => group.rows.length > 0);
}

export function keysOf(rows: readonly Row[]): [Value, Value][] {
  return rows.map(keyOf);
}

function keyOf(row: Row): [Value, Value] {
  return [row.id as Value, row.ordinal as Value];
}

/** queued -> sending, and everything that is needed to send. */
async function take(
  tx: Queries,
  dialect: Dialect,
  chosen: readonly Group[],
  { now, until, holder }: Omit<ClaimRequest, 'relay'>,
): Promise<Claim[]> {
  const right = idToBytes(newId(now));
  const keys = keysOf(chosen.flatMap(({ rows }) => rows));
  const sql =
    "UPDATE deliveries SET state = 'sending', reason = NULL, token = ?, holder = ?, claimed_at = ?, lease_until = ?, " +
    'attempts = attempts + 1, changed_at = ? WHERE ';
  const before = [right, idToBytes(holder), now, until, now];
  await queryByKeys(tx, inPairs(dialect, 'id, ordinal', keys), (list) => sql + list, before);
  const messages = await messagesOf(tx, chosen);
  return chosen.flatMap(({ id, rows }) => {
    const found = messages.get(id);
    if (found === undefined) return [];
    const message = messageOf(found, id);
    const deliveries = rows.map((row): Delivery => {
      const delivery = deliveryOf(row, message.createdAt, id);
      return { ...delivery, state: 'sending', reason: null, attempts: delivery.attempts + 1, changedAt: now };
    });
    const content = (found.content as Uint8Array | null) ?? undefined;
    return [{ token: tokenOf(right, id), message, deliveries, content }];
  });
}

/** The messages with those of their contents that are small enough, first come first served. */
async function messagesOf(tx: Queries, chosen: readonly Group[]): Promise<ReadonlyMap<Id, Row>> {
  // What fits in any case comes with the message; for what is larger the room that is left is counted first.
  const certain = Math.min(INLINE_CONTENT, Math.floor(INLINE_TOTAL / chosen.length));
  const select = (keys: string): string =>
    `SELECT ${MESSAGE_COLUMNS}, CASE WHEN size <= ? THEN content END AS content FROM messages WHERE ${keys}`;
  const keys = chosen.map(({ key }) => key);
  const { rows } = await queryByKeys(tx, inKeys('id', keys), select, [certain]);
  const messages = new Map(rows.map((row) => [idOf(row.id), row]));
  const larger = withinRoom(chosen, messages, certain).map(({ key }) => key);
  const contents = await queryByKeys(
    tx,
    inKeys('id', larger),
    (list) => `SELECT id, content FROM messages WHERE ${list}`,
  );
  for (const { id, content } of contents.rows) {
    const row = messages.get(idOf(id));
    if (row !== undefined) messages.set(idOf(id), { ...row, content: content as Value });
  }
  return messages;
}

/** Those of more than `certain` octets that still fit beside the others. */
function withinRoom(chosen: readonly Group[], messages: ReadonlyMap<Id, Row>, certain: number): Group[] {
  const sizeOf = ({ id }: Group): number => (messages.get(id)?.size as number | undefined) ?? 0;
  const small = chosen.map(sizeOf).filter((octets) => octets <= certain);
  let room = small.reduce((left, octets) => left - octets, INLINE_TOTAL);
  return chosen.filter((group) => {
    const octets = sizeOf(group);
    const fits = octets > certain && octets <= INLINE_CONTENT && octets <= room;
    if (fits) room -= octets;
    return fits;
  });
}

/** Nobody is written to, so neither a pause nor a suppression matters here. */
export function claimExpired(
  database: Database,
  dialect: Dialect,
  request: Omit<ClaimRequest, 'relay'>,
): Promise<readonly Claim[]> {
  const sql =
    "SELECT id, ordinal FROM deliveries WHERE state = 'queued' AND expires_at <= ? " +
    `ORDER BY expires_at LIMIT ?${dialect.lockFree}`;
  const hasExpired = (row: Row): boolean => (row.expires_at as number) <= request.now;
  const work = async (tx: Queries): Promise<readonly Claim[]> => {
    const { rows } = await tx.query(sql, [request.now, request.limit]);
    const chosen = cut(await queuedOf(tx, dialect, headsOf(rows), hasExpired), request.limit);
    return chosen.length === 0 ? [] : take(tx, dialect, chosen, request);
  };
  return database.transaction(work, { commit: 'unsynced' });
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
