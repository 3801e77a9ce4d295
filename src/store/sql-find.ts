/** Looking: lists in pages, one message with all that is known of it, contents, and sums. */
import { cursorOf, placeOf } from '../queue/cursor.ts';
import { STATES, type State } from '../queue/delivery.ts';
import { PRIORITIES, type Priority } from '../queue/message.ts';
import type { Deferred } from '../queue/relay-store.ts';
import type { Counts, Filter, Found, Listed, Overtaken, Page, PageRequest } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idFromBytes, idToBytes, isId } from '../runtime/id.ts';
import type { Database, Queries, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import {
  attemptOf,
  CLAIMED,
  DEFERRED_COLUMNS,
  DELIVERY_COLUMNS,
  deliveryOf,
  LISTED_COLUMNS,
  listedOf,
  MESSAGE_COLUMNS,
  messageOf,
  waitingOf,
} from './rows.ts';
import { IS_ENDED, isMortal } from './schema.ts';
import { type Condition, conditionsOf, needsMessage, startOf, stateCondition, statesOf } from './sql-filter.ts';

/** How long a report that was given up is counted, ms. */
const LOST_LATELY = 24 * 60 * 60_000;

/** The last delivery of a page; the next page begins behind it. */
export interface Place {
  readonly id: Uint8Array;
  readonly ordinal: number;
}

export interface Selection {
  readonly columns: string;
  readonly filter: Filter;
  readonly states: readonly State[] | undefined;
  readonly after: Place | undefined;
  /** The other way round: oldest first. */
  readonly reverse?: boolean;
  readonly limit: number;
  /** Behind the text: a row lock, or nothing. */
  readonly suffix: string;
}

/** The searches that together answer a filter: one for each state where nothing narrower leads, else one for all. */
export function splitStates(filter: Filter, states: readonly State[] | undefined): (readonly State[] | undefined)[] {
  if (states === undefined) return [undefined];
  return startOf(filter) === 'states' ? states.map((state) => [state]) : [states];
}

/** SELECT of deliveries newest first, with their messages. CROSS JOIN tells SQLite from which table to begin. */
export function selection(dialect: Dialect, select: Selection): Condition {
  const { filter, states, after } = select;
  const start = startOf(filter);
  const [from, id] =
    start === 'message'
      ? ['posthaste_messages m CROSS JOIN posthaste_deliveries d', 'm.id']
      : ['posthaste_deliveries d CROSS JOIN posthaste_messages m', 'd.id'];
  const conditions: Condition[] = [{ sql: 'm.id = d.id', values: [] }, ...conditionsOf(dialect, filter)];
  if (states !== undefined) conditions.push(stateCondition(states, start === 'states'));
  if (after !== undefined) {
    const values = [after.id, after.id, after.ordinal];
    const sql = select.reverse
      ? `${id} >= ? AND (${id} > ? OR d.ordinal < ?)`
      : `${id} <= ? AND (${id} < ? OR d.ordinal > ?)`;
    conditions.push({ sql, values });
  }
  const where = conditions.map(({ sql }) => sql).join(' AND ');
  const order = `ORDER BY ${select.reverse ? `${id}, d.ordinal DESC` : `${id} DESC, d.ordinal`} LIMIT ?`;
  return {
    sql: `SELECT ${select.columns} FROM ${from} WHERE ${where} ${order}${select.suffix}`,
    values: [...conditions.flatMap(({ values }) => values), select.limit],
  };
}

export async function find(database: Database, dialect: Dialect, filter: Filter, page: PageRequest): Promise<Page> {
  const reverse = page.order === 'oldest';
  const after = page.cursor === undefined ? undefined : keyOf(page.cursor, reverse);
  const searches = splitStates(filter, statesOf(filter)).map((states) =>
    selection(dialect, { columns: LISTED_COLUMNS, filter, states, after, reverse, limit: page.limit + 1, suffix: '' }),
  );
  const rows = await database.snapshot((tx) => listed(tx, searches));
  rows.sort((a, b) => (reverse ? newestFirst(b, a) : newestFirst(a, b)));
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return { rows: shown, cursor: last !== undefined && rows.length > shown.length ? cursorOf(last) : null };
}

/** Walks the key alone. */
export async function edge(database: Database, page: PageRequest): Promise<Id | null> {
  const reverse = page.order === 'oldest';
  const after = page.cursor === undefined ? undefined : keyOf(page.cursor, reverse);
  const where = after === undefined ? '' : ` WHERE id ${reverse ? '>' : '<'} ?`;
  const sql = `SELECT id FROM posthaste_deliveries${where} ORDER BY id${reverse ? '' : ' DESC'} LIMIT 1 OFFSET ?`;
  const { rows } = await database.query(sql, [...(after === undefined ? [] : [after.id]), page.limit]);
  return rows[0] === undefined ? null : idFromBytes(rows[0].id as Uint8Array);
}

export async function listed(tx: Queries, searches: readonly Condition[]): Promise<Listed[]> {
  const rows: Listed[] = [];
  for (const { sql, values } of searches) {
    const result = await tx.query(sql, values);
    for (const row of result.rows) rows.push(listedOf(row));
  }
  return rows;
}

function newestFirst(a: Listed, b: Listed): number {
  if (a.id !== b.id) return a.id < b.id ? 1 : -1;
  return a.ordinal - b.ordinal;
}

/** A cursor that no page gave shows nothing. */
function keyOf(cursor: string, reverse: boolean): Place {
  const place = placeOf(cursor);
  if (place !== undefined) return { id: idToBytes(place.id), ordinal: place.ordinal };
  return { id: reverse ? new Uint8Array(17).fill(0xff) : new Uint8Array(0), ordinal: 0 };
}

export async function get(database: Database, id: Id): Promise<Found | null> {
  if (!isId(id)) return null;
  const key = idToBytes(id);
  return database.snapshot(async (tx) => {
    const kept =
      'CASE WHEN content IS NOT NULL THEN 1 WHEN EXISTS (SELECT 1 FROM posthaste_contents c WHERE c.id = posthaste_messages.id) THEN 1 ELSE 0 END';
    const found = await tx.query(`SELECT ${MESSAGE_COLUMNS}, ${kept} AS kept FROM posthaste_messages WHERE id = ?`, [
      key,
    ]);
    const row = found.rows[0];
    if (row === undefined) return null;
    const message = messageOf(row);
    const deliveries = await tx.query(
      `SELECT ${DELIVERY_COLUMNS} FROM posthaste_deliveries d WHERE d.id = ? ORDER BY d.ordinal`,
      [key],
    );
    const attempts = await tx.query('SELECT * FROM posthaste_attempts WHERE id = ? ORDER BY token, ordinal', [key]);
    return {
      message,
      deliveries: deliveries.rows.map((delivery) => deliveryOf(delivery, message.createdAt)),
      attempts: attempts.rows.map(attemptOf),
      contentKept: row.kept === 1,
    };
  });
}

/** A content of one piece stands in its message's row, a longer one in chunks. */
export async function contentChunk(database: Database, id: Id, sequence: number): Promise<Uint8Array | null> {
  if (!isId(id)) return null;
  const key = idToBytes(id);
  if (sequence === 0) {
    const { rows } = await database.query('SELECT content FROM posthaste_messages WHERE id = ?', [key]);
    const content = rows[0]?.content ?? null;
    if (content !== null) return content as Uint8Array;
  }
  const { rows } = await database.query('SELECT bytes FROM posthaste_contents WHERE id = ? AND sequence = ?', [
    key,
    sequence,
  ]);
  return (rows[0]?.bytes as Uint8Array | undefined) ?? null;
}

export async function count(
  database: Database,
  dialect: Dialect,
  filter: Filter,
  states: readonly State[] | undefined = statesOf(filter),
): Promise<number> {
  const conditions = conditionsOf(dialect, filter);
  const start = startOf(filter);
  if (states !== undefined) conditions.push(stateCondition(states, start === 'states'));
  if (needsMessage(filter)) conditions.unshift({ sql: 'm.id = d.id', values: [] });
  const from =
    start === 'message'
      ? 'posthaste_messages m CROSS JOIN posthaste_deliveries d'
      : 'posthaste_deliveries d CROSS JOIN posthaste_messages m';
  const where = conditions.map(({ sql }) => sql).join(' AND ') || '1 = 1';
  const sql = `SELECT COUNT(*) AS n FROM ${needsMessage(filter) ? from : 'posthaste_deliveries d'} WHERE ${where}`;
  const { rows } = await database.query(
    sql,
    conditions.flatMap(({ values }) => values as Value[]),
  );
  return Number(rows[0]?.n);
}

/** Reads indexes only: about a second for ten million deliveries, away from the thread that commits. */
export async function counts(database: Database, dialect: Dialect, now: Instant): Promise<Counts> {
  return database.snapshot(async (tx) => {
    const byState = await tx.query('SELECT state, COUNT(*) AS n FROM posthaste_deliveries GROUP BY state', []);
    const deferred = `SELECT COUNT(*) FROM posthaste_deliveries WHERE ${isMortal(dialect)} AND attempts > 0`;
    const inDoubt = 'SELECT COUNT(*) FROM posthaste_deliveries WHERE in_doubt = 1';
    const { rows } = await tx.query(`SELECT (${deferred}) AS deferred, (${inDoubt}) AS in_doubt`, []);
    const times = await dueTimes(tx, dialect, now);
    const states = new Map(byState.rows.map((row) => [row.state, Number(row.n)]));
    return {
      states: Object.fromEntries(STATES.map((state) => [state, states.get(state) ?? 0])) as Counts['states'],
      deferred: Number(rows[0]?.deferred),
      inDoubt: Number(rows[0]?.in_doubt),
      lostReports: await lostReports(tx, now),
      oldestDue: oldestOf(times),
      overtaken: overtakenOf(times),
    };
  });
}

/** Reads no more than what bounced in that time. */
async function lostReports(tx: Queries, now: Instant): Promise<number> {
  const sql =
    `SELECT COUNT(*) AS n FROM posthaste_deliveries d CROSS JOIN posthaste_messages m WHERE d.state = 'bounced' AND ${IS_ENDED} ` +
    'AND d.changed_at > ? AND m.id = d.id AND m.report_on IS NOT NULL';
  const { rows } = await tx.query(sql, [now - LOST_LATELY]);
  return Number(rows[0]?.n);
}

/** By the index of what is due, like a claim. */
export async function deferredOf(
  database: Database,
  dialect: Dialect,
  { relay, attempts, limit }: { readonly relay: string; readonly attempts: number; readonly limit: number },
): Promise<readonly Deferred[]> {
  const first =
    `SELECT ${DEFERRED_COLUMNS} FROM posthaste_deliveries d${dialect.byIndex('posthaste_deliveries_due')} ` +
    `WHERE ${dialect.isQueued} AND d.relay = ? AND d.priority = ? ORDER BY d.due_at, d.id, d.ordinal LIMIT ?`;
  const sql = `SELECT d.*, m.created_at FROM (${first}) AS d CROSS JOIN posthaste_messages m WHERE d.attempts >= ? AND m.id = d.id`;
  const found: Deferred[] = [];
  for (const priority of CLAIMED) {
    const { rows } = await database.query(sql, [relay, priority, limit, attempts]);
    found.push(...rows.map(waitingOf));
  }
  return found;
}

interface DueTimes {
  readonly relay: string;
  /** By priority, from the highest: the smallest due time that has come. */
  readonly due: readonly (Instant | null)[];
}

/** Steps through the relays and priorities by the index of what is due: a few rows, however many wait. */
async function dueTimes(tx: Queries, { isQueued }: Dialect, now: Instant): Promise<readonly DueTimes[]> {
  const found: DueTimes[] = [];
  const next = `SELECT MIN(relay) AS relay FROM posthaste_deliveries WHERE ${isQueued} AND relay > ?`;
  for (let relay = ''; ; ) {
    const row = (await tx.query(next, [relay])).rows[0];
    if (row?.relay === null || row?.relay === undefined) return found;
    relay = row.relay as string;
    const due: (Instant | null)[] = [];
    for (const priority of CLAIMED) {
      const sql = `SELECT MIN(due_at) AS due_at FROM posthaste_deliveries WHERE ${isQueued} AND relay = ? AND priority = ?`;
      const at = (await tx.query(sql, [relay, priority])).rows[0]?.due_at as number | null;
      due.push(at !== null && at <= now ? at : null);
    }
    found.push({ relay, due });
  }
}

function oldestOf(times: readonly DueTimes[]): Instant | null {
  const all = times.flatMap(({ due }) => due).filter((at) => at !== null);
  return all.length === 0 ? null : Math.min(...all);
}

/** What is due for longer than something of a higher priority, which goes before it all the same. */
function overtakenOf(times: readonly DueTimes[]): Overtaken | null {
  const all = times.flatMap(({ relay, due }) =>
    due.flatMap((since, i): Overtaken[] => {
      const isOvertaken = since !== null && due.slice(0, i).some((at) => at !== null && at > since);
      return isOvertaken ? [{ relay, priority: PRIORITIES[CLAIMED[i] as number] as Priority, since }] : [];
    }),
  );
  return all.toSorted((a, b) => a.since - b.since)[0] ?? null;
}
