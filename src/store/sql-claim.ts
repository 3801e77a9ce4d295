/** Claims: the exclusive right of one worker to try some deliveries until a lease ends. */
import type { Delivery } from '../queue/delivery.ts';
import type { Claim, Claimed, ClaimRequest, SuppressedDelivery } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idToBytes } from '../runtime/id.ts';
import type { Database, Queries, Row, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { CLAIMED, DELIVERY_COLUMNS, deliveryOf, idOf, MESSAGE_COLUMNS, messageOf } from './rows.ts';
import { isMortal } from './schema.ts';
import { claimOnce } from './sql-claim-once.ts';
import { tokenOf } from './sql-lease.ts';
import { quotaOf } from './sql-rates.ts';
import { type Look, lookAt, type Probe, takeProbe } from './sql-relays.ts';
import { bounceBarred, presence, suppressedAmong } from './sql-suppress.ts';
import { tellChanged } from './sql-tell.ts';
import { inKeys, inPairs, queryByKeys } from './statements.ts';
import { carryOut, type Steps } from './steps.ts';

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
export function claim(database: Database, dialect: Dialect, request: ClaimRequest): Promise<Claimed> {
  return claimOnce(
    database,
    dialect,
    request.now,
    ({ claims }) => claims,
    async (tx, right) => {
      const suppressed: SuppressedDelivery[] = [];
      const due = await claimDue(tx, dialect, { ...request, right, onSuppressed: (some) => suppressed.push(...some) });
      return { ...due, suppressed };
    },
  );
}

/** A request whose transaction is under way. */
interface Claiming extends ClaimRequest {
  /** What the claim will be known by. */
  readonly right: () => Uint8Array;
  readonly onSuppressed: (deliveries: readonly SuppressedDelivery[]) => void;
}

async function claimDue(tx: Queries, dialect: Dialect, request: Claiming): Promise<Omit<Claimed, 'suppressed'>> {
  const { gate, shareChanges } = await carryOut(tx, lookFor(request, dialect));
  const nothing = { claims: [], probe: false, shareChanges };
  if (gate === 'shut') return nothing;
  const quota = await quotaOf(tx, dialect, request);
  const limit = Math.min(request.limit, quota.room);
  const chosen = await chooseFor(gate, tx, dialect, { ...request, limit });
  if (chosen.length === 0) return nothing;
  const probe = gate !== 'open';
  if (probe && !(await takeProbe(tx, { ...request, relay: senderOf(request) }, gate))) return nothing;
  await quota.spend(size(chosen));
  const claims = await take(tx, dialect, chosen, request);
  return { claims: claims.map((claim) => ({ ...claim, token: quota.mark(claim.token) })), probe, shareChanges };
}

/** The relay whose mail it is must not be paused, and the one that sends must be well, or due to be probed. */
function* lookFor(request: ClaimRequest, dialect: Dialect): Steps<Look> {
  const look = yield* firmLookAt(request, dialect);
  const sender = senderOf(request);
  if (look.gate !== 'open' || sender === request.relay) return look;
  const { gate } = yield* firmLookAt({ relay: sender, now: request.now }, dialect);
  return { ...look, gate };
}

/** Of those who may probe at the same time one goes on, before they choose: they would lock parts of one message for each other. */
function* firmLookAt(request: Parameters<typeof lookAt>[0], dialect: Dialect): Steps<Look> {
  const look = yield* lookAt(request);
  const { gate } = look;
  return gate === 'open' || gate === 'shut' || dialect.lock === '' ? look : yield* lookAt(request, dialect.lock);
}

function senderOf({ relay, ratesOf = relay }: ClaimRequest): string {
  return ratesOf;
}

async function chooseFor(gate: 'open' | Probe, tx: Queries, dialect: Dialect, request: Claiming): Promise<Group[]> {
  if (gate === 'open') return chooseDue(tx, dialect, request, request.messages ?? request.limit);
  const others = await chooseDue(tx, dialect, request, 1, gate.suspects);
  return others.length > 0 || !gate.isDue || gate.suspects.length === 0 ? others : chooseDue(tx, dialect, request, 1);
}

/** Goes on where suppressed or expired ones left room, so that an empty claim means that nothing is due. */
async function chooseDue(
  tx: Queries,
  dialect: Dialect,
  request: Claiming,
  maxMessages: number,
  without: readonly Id[] = [],
): Promise<Group[]> {
  const chosen: Group[] = [];
  // Hardly ever has anything expired that nobody ended yet, so it is asked for only when some was met.
  let alive = false;
  for (let room = request.limit; room > 0 && chosen.length < maxMessages; room = request.limit - size(chosen)) {
    const heads = await dueHeads(tx, dialect, { ...request, without, alive }, chosen, maxMessages === 1 ? 1 : room);
    const due = await dueOf(tx, dialect, request, heads);
    const groups = cut(due.groups, room).slice(0, maxMessages - chosen.length);
    const rest = await dropSuppressed(tx, dialect, groups, request);
    chosen.push(...rest);
    if (size(rest) === size(groups) && (alive || !due.metExpired)) break;
    alive ||= due.metExpired;
  }
  return chosen;
}

function size(groups: readonly Group[]): number {
  return groups.reduce((sum, { rows }) => sum + rows.length, 0);
}

interface HeadsWanted {
  readonly without: readonly Id[];
  /** None that has expired. */
  readonly alive: boolean;
}

/** Messages in the order of their first due delivery. Reads only the index, and of it no more than is taken. */
async function dueHeads(
  tx: Queries,
  dialect: Dialect,
  { relay, now, standIn, without, alive }: ClaimRequest & HeadsWanted,
  chosen: readonly Group[],
  limit: number,
): Promise<Heads> {
  const others = without.length === 0 ? '' : `AND id NOT IN (${without.map(() => '?').join(', ')}) `;
  // The sum keeps the index by expiry from being tempting.
  const unexpired = alive ? 'AND expires_at + 0 > ? ' : '';
  const sql =
    `SELECT id, ordinal FROM posthaste_deliveries${dialect.byIndex('posthaste_deliveries_due')} ` +
    `WHERE ${dialect.isQueued} AND relay = ? AND priority = ? AND due_at <= ? ` +
    `${others}${unexpired}${standIn === true ? 'AND in_doubt = 0 ' : ''}ORDER BY due_at, id, ordinal LIMIT ?${dialect.lockFree}`;
  // What was chosen before is still queued and comes first again.
  const most = limit + size(chosen);
  const rows: Row[] = [];
  for (const priority of CLAIMED) {
    if (rows.length >= most) break;
    const values = [relay, priority, now, ...without.map(idToBytes), ...(alive ? [now] : []), most - rows.length];
    rows.push(...(await tx.query(sql, values)).rows);
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

interface Due {
  readonly groups: readonly Group[];
  /** Something else was due, but its time is over. */
  readonly metExpired: boolean;
}

/** All due deliveries of these messages, so that what goes together is sent together. */
async function dueOf(tx: Queries, dialect: Dialect, request: ClaimRequest, heads: Heads): Promise<Due> {
  const { relay, now, standIn } = request;
  let metExpired = false;
  const isDue = (row: Row): boolean =>
    row.relay === relay &&
    (row.due_at as number) <= now &&
    (row.priority as number) <= LAST_CLAIMED &&
    (standIn !== true || row.in_doubt === 0);
  const isAlive = (row: Row): boolean => {
    const alive = (row.expires_at as number) > now;
    metExpired ||= !alive;
    return alive;
  };
  const groups = await queuedOf(tx, dialect, heads, (row) => isDue(row) && isAlive(row));
  return { groups, metExpired };
}

/**
 * The queued deliveries of these messages that fit. While PostgreSQL has no statistics it takes each of 50 ids for a part of the whole
 * table, and reads all of it, or all that waits: so the state stands in words that no index has, and the ids between their ends, which it
 * takes for few.
 */
async function queuedOf(tx: Queries, dialect: Dialect, heads: Heads, fits: (row: Row) => boolean): Promise<Group[]> {
  const sql = (keys: string): string =>
    `SELECT ${DELIVERY_COLUMNS} FROM posthaste_deliveries d${dialect.byIndex('PRIMARY')} WHERE d.id >= ? AND d.id <= ? AND ${keys} ` +
    `AND TRIM(d.state) = 'queued' ORDER BY d.id, d.ordinal${dialect.lockFree}`;
  const { rows } = await queryByKeys(tx, inKeys('d.id', [...heads.values()]), sql, endsOf(heads));
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

/** The first and the last in the order of ids. */
function endsOf(heads: Heads): Value[] {
  const ids = [...heads.keys()].sort();
  return [ids.at(0), ids.at(-1)].flatMap((id) => heads.get(id ?? '') ?? []);
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
  { now, onSuppressed }: Claiming,
): Promise<readonly Group[]> {
  const rows = groups.flatMap((group) => group.rows);
  const recipients = rows.map((row) => row.recipient as string);
  const { barring, telling } = await carryOut(tx, presence());
  if (!barring) return groups;
  const suppressed = await carryOut(tx, suppressedAmong(recipients, now, true));
  const isSuppressed = (row: Row): boolean => suppressed(row.recipient as string) !== undefined;
  const barred = rows.flatMap((row) => {
    const entry = suppressed(row.recipient as string);
    return entry === undefined ? [] : [{ key: keyOf(row), entry, row }];
  });
  if (barred.length === 0) return groups;
  await carryOut(tx, bounceBarred(dialect, barred, now));
  if (telling)
    await carryOut(
      tx,
      tellChanged(
        dialect,
        barred.map(({ key }) => key),
        now,
      ),
    );
  onSuppressed(barred.map(({ entry, row }) => ({ id: idOf(row.id), recipient: row.recipient as string, entry })));
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
  { now, until, holder, right: named }: Omit<ClaimRequest, 'relay'> & Pick<Claiming, 'right'>,
): Promise<Claim[]> {
  const right = named();
  const keys = keysOf(chosen.flatMap(({ rows }) => rows));
  const sql =
    "UPDATE posthaste_deliveries SET state = 'sending', reason = NULL, token = ?, holder = ?, claimed_at = ?, lease_until = ?, " +
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
    `SELECT ${MESSAGE_COLUMNS}, CASE WHEN size <= ? THEN content END AS content FROM posthaste_messages WHERE ${keys}`;
  const keys = chosen.map(({ key }) => key);
  const { rows } = await queryByKeys(tx, inKeys('id', keys), select, [certain]);
  const messages = new Map(rows.map((row) => [idOf(row.id), row]));
  const larger = withinRoom(chosen, messages, certain).map(({ key }) => key);
  const contents = await queryByKeys(
    tx,
    inKeys('id', larger),
    (list) => `SELECT id, content FROM posthaste_messages WHERE ${list}`,
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
    `SELECT id, ordinal FROM posthaste_deliveries${dialect.byIndex('posthaste_deliveries_expiry')} ` +
    `WHERE ${isMortal(dialect)} AND expires_at <= ? ORDER BY expires_at LIMIT ?${dialect.lockFree}`;
  const hasExpired = (row: Row): boolean => (row.expires_at as number) <= request.now;
  return claimOnce(
    database,
    dialect,
    request.now,
    (made) => made,
    async (tx, right) => {
      const { rows } = await tx.query(sql, [request.now, request.limit]);
      const chosen = cut(await queuedOf(tx, dialect, headsOf(rows), hasExpired), request.limit);
      return chosen.length === 0 ? [] : take(tx, dialect, chosen, { ...request, right });
    },
  );
}

/** One look at the index for each priority. */
export async function nextDue(database: Database, { isQueued }: Dialect, relay: string): Promise<Instant | null> {
  // Not MIN: without statistics PostgreSQL reads all that waits for it.
  const least = `SELECT due_at FROM posthaste_deliveries WHERE ${isQueued} AND relay = ? AND priority = ? ORDER BY due_at LIMIT 1`;
  const sql = `SELECT ${CLAIMED.map((_, i) => `(${least}) AS p${i}`).join(', ')}`;
  const { rows } = await database.query(
    sql,
    CLAIMED.flatMap((priority) => [relay, priority]),
  );
  const times = Object.values(rows[0] ?? {}).filter((time): time is number => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}
