/** Looking: lists in pages, one message with all that is known of it, contents, and sums. */
import type { State } from '../queue/delivery.ts';
import { STATES } from '../queue/delivery.ts';
import type { Counts, Filter, Found, Listed, Page } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idToBytes, isId } from '../runtime/id.ts';
import type { Database, Queries, Row, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import {
  attemptOf,
  DELIVERY_COLUMNS,
  deliveryOf,
  LISTED_COLUMNS,
  listedOf,
  MESSAGE_COLUMNS,
  messageOf,
} from './rows.ts';
import { IS_ENDED } from './schema.ts';
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
      ? ['messages m CROSS JOIN deliveries d', 'm.id']
      : ['deliveries d CROSS JOIN messages m', 'd.id'];
  const conditions: Condition[] = [{ sql: 'm.id = d.id', values: [] }, ...conditionsOf(dialect, filter)];
  if (states !== undefined) conditions.push(stateCondition(states, start === 'states'));
  if (after !== undefined) {
    const values = [after.id, after.id, after.ordinal];
    conditions.push({ sql: `${id} <= ? AND (${id} < ? OR d.ordinal > ?)`, values });
  }
  const where = conditions.map(({ sql }) => sql).join(' AND ');
  const order = `ORDER BY ${id} DESC, d.ordinal LIMIT ?`;
  return {
    sql: `SELECT ${select.columns} FROM ${from} WHERE ${where} ${order}${select.suffix}`,
    values: [...conditions.flatMap(({ values }) => values), select.limit],
  };
}

export async function find(
  database: Database,
  dialect: Dialect,
  filter: Filter,
  page: { readonly limit: number; readonly cursor?: string },
): Promise<Page> {
  const after = page.cursor === undefined ? undefined : placeOf(page.cursor);
  const searches = splitStates(filter, statesOf(filter)).map((states) =>
    selection(dialect, { columns: LISTED_COLUMNS, filter, states, after, limit: page.limit + 1, suffix: '' }),
  );
  const rows = await database.snapshot((tx) => listed(tx, searches));
  rows.sort(newestFirst);
  const shown = rows.slice(0, page.limit);
  return { rows: shown, cursor: rows.length > shown.length ? cursorOf(shown.at(-1)) : null };
}

async function listed(tx: Queries, searches: readonly Condition[]): Promise<Listed[]> {
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

/** `ID:ordinal` of the last row shown. Rows that arrive later stand before it, so they shift nothing. */
function cursorOf(row: Listed | undefined): string | null {
  return row === undefined ? null : `${row.id}:${row.ordinal}`;
}

/** A cursor that no page gave shows nothing. */
function placeOf(cursor: string): Place {
  const [id = '', ordinal] = cursor.split(':');
  return isId(id) ? { id: idToBytes(id), ordinal: Number(ordinal) || 0 } : { id: new Uint8Array(0), ordinal: 0 };
}

export async function get(database: Database, id: Id): Promise<Found | null> {
  if (!isId(id)) return null;
  const key = idToBytes(id);
  return database.snapshot(async (tx) => {
    const kept =
      'CASE WHEN content IS NOT NULL THEN 1 WHEN EXISTS (SELECT 1 FROM contents c WHERE c.id = messages.id) THEN 1 ELSE 0 END';
    const found = await tx.query(`SELECT ${MESSAGE_COLUMNS}, ${kept} AS kept FROM messages WHERE id = ?`, [key]);
    const row = found.rows[0];
    if (row === undefined) return null;
    const message = messageOf(row);
    const deliveries = await tx.query(
      `SELECT ${DELIVERY_COLUMNS} FROM deliveries d WHERE d.id = ? ORDER BY d.ordinal`,
      [key],
    );
    const attempts = await tx.query('SELECT * FROM attempts WHERE id = ? ORDER BY token, ordinal', [key]);
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
    const { rows } = await database.query('SELECT content FROM messages WHERE id = ?', [key]);
    const content = rows[0]?.content ?? null;
    if (content !== null) return content as Uint8Array;
  }
  const { rows } = await database.query('SELECT bytes FROM contents WHERE id = ? AND sequence = ?', [key, sequence]);
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
  const from = start === 'message' ? 'messages m CROSS JOIN deliveries d' : 'deliveries d CROSS JOIN messages m';
  const where = conditions.map(({ sql }) => sql).join(' AND ') || '1 = 1';
  const sql = `SELECT COUNT(*) AS n FROM ${needsMessage(filter) ? from : 'deliveries d'} WHERE ${where}`;
  const { rows } = await database.query(
    sql,
    conditions.flatMap(({ values }) => values as Value[]),
  );
  return Number(rows[0]?.n);
}

/** Reads indexes only: about a second for ten million deliveries, away from the thread that commits. */
export async function counts(database: Database, now: Instant): Promise<Counts> {
  return database.snapshot(async (tx) => {
    const byState = await tx.query('SELECT state, COUNT(*) AS n FROM deliveries GROUP BY state', []);
    const deferred = "SELECT COUNT(*) FROM deliveries WHERE state = 'queued' AND expires_at > 0 AND attempts > 0";
    const inDoubt = 'SELECT COUNT(*) FROM deliveries WHERE in_doubt = 1';
    const { rows } = await tx.query(`SELECT (${deferred}) AS deferred, (${inDoubt}) AS in_doubt`, []);
    const states = new Map(byState.rows.map((row) => [row.state, Number(row.n)]));
    return {
      states: Object.fromEntries(STATES.map((state) => [state, states.get(state) ?? 0])) as Counts['states'],
      deferred: Number(rows[0]?.deferred),
      inDoubt: Number(rows[0]?.in_doubt),
      lostReports: await lostReports(tx, now),
      oldestDue: await oldestDue(tx, now),
    };
  });
}

/** Reads no more than what bounced in that time. */
async function lostReports(tx: Queries, now: Instant): Promise<number> {
  const sql =
    `SELECT COUNT(*) AS n FROM deliveries d CROSS JOIN messages m WHERE d.state = 'bounced' AND ${IS_ENDED} ` +
    'AND d.changed_at > ? AND m.id = d.id AND m.report_on IS NOT NULL';
  const { rows } = await tx.query(sql, [now - LOST_LATELY]);
  return Number(rows[0]?.n);
}

/** Steps through the relays and priorities by the index of what is due: a few rows, however many wait. */
async function oldestDue(tx: Queries, now: Instant): Promise<Instant | null> {
  let oldest: number | null = null;
  for (let relay: Value | undefined = ''; ; ) {
    const next: Row | undefined = (
      await tx.query("SELECT MIN(relay) AS relay FROM deliveries WHERE state = 'queued' AND relay > ?", [relay])
    ).rows[0];
    relay = next?.relay;
    if (relay === null || relay === undefined) break;
    for (const priority of [0, 1, 2]) {
      const sql = "SELECT MIN(due_at) AS due_at FROM deliveries WHERE state = 'queued' AND relay = ? AND priority = ?";
      const due = (await tx.query(sql, [relay, priority])).rows[0]?.due_at as number | null;
      if (due !== null && due <= now && (oldest === null || due < oldest)) oldest = due;
    }
  }
  return oldest;
}
