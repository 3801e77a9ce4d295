/** What came and what ended over time, counted in indexes. */
import type { State } from '../queue/delivery.ts';
import type { Flow } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Database, Queries, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { IS_ENDED } from './schema.ts';

/** One subquery a span: what an engine makes of a division in SQL, and of a group by it, differs. */
async function perSpan<Answer>(
  tx: Queries,
  count: string,
  begins: readonly Instant[],
  width: number,
  value: (at: Instant) => Value,
  read: (value: Value | undefined) => Answer,
): Promise<Answer[]> {
  const columns = begins.map((_, i) => `(${count}) AS n${i}`);
  const values = begins.flatMap((begin) => [value(begin), value(begin + width)]);
  const row = (await tx.query(`SELECT ${columns.join(', ')}`, values)).rows[0];
  return begins.map((_, i) => read(row?.[`n${i}`] as Value | undefined));
}

const MESSAGES = 'SELECT COUNT(*) FROM posthaste_messages WHERE id >= ? AND id < ?';

function ended(state: State, what = 'COUNT(*)'): string {
  return `SELECT ${what} FROM posthaste_deliveries WHERE state = '${state}' AND ${IS_ENDED} AND changed_at >= ? AND changed_at < ?`;
}

/** The least id of a time: ids begin with it (RFC 9562 5.7). */
function leastId(at: Instant): Uint8Array {
  return Buffer.from(at.toString(16).padStart(12, '0').padEnd(32, '0'), 'hex');
}

/** When the message with an id was made, from its bytes or its digits. */
function timeOf(id: Value | undefined): Instant {
  if (id === null || id === undefined) return Number.POSITIVE_INFINITY;
  const hex = typeof id === 'string' ? id : Buffer.from(id as Uint8Array).toString('hex');
  return Number.parseInt(hex.slice(0, 12), 16);
}

/** When the oldest was made of what still waits. */
async function oldestWaiting(tx: Queries): Promise<Instant> {
  const first = (state: State): string =>
    `(SELECT id FROM posthaste_deliveries WHERE state = '${state}' ORDER BY id LIMIT 1)`;
  const { rows } = await tx.query(
    `SELECT ${first('queued')} AS a, ${first('sending')} AS b, ${first('held')} AS c`,
    [],
  );
  const { a, b, c } = rows[0] ?? {};
  return Math.min(...[a, b, c].map((id) => timeOf(id as Value | undefined)));
}

/**
 * What waited at the end of a span is what ended in a later one, or still waits, and was there: so the oldest of it is known from the
 * oldest of each.
 */
function agesOf(ends: readonly Instant[], endedFrom: readonly Instant[], waiting: Instant): readonly number[] {
  let oldest = waiting;
  return ends
    .map((end, i) => {
      const age = Math.max(0, end - oldest);
      oldest = Math.min(oldest, endedFrom[i] ?? oldest);
      return age;
    })
    .toReversed();
}

export async function flow(
  database: Database,
  dialect: Dialect,
  from: Instant,
  width: number,
  spans: number,
): Promise<readonly Flow[]> {
  const begins = Array.from({ length: spans }, (_, i) => from + i * width);
  return database.snapshot(async (tx) => {
    const accepted = await perSpan(tx, MESSAGES, begins, width, leastId, Number);
    const sums: Partial<Record<State, number[]>> = {};
    const oldest = begins.map(() => Number.POSITIVE_INFINITY);
    for (const state of ENDS) {
      sums[state] = await perSpan(tx, ended(state), begins, width, (at) => at, Number);
      const least = await perSpan(tx, ended(state, dialect.least('id')), begins, width, (at) => at, timeOf);
      for (const [i, at] of least.entries()) oldest[i] = Math.min(oldest[i] as Instant, at);
    }
    const ends = begins.map((begin) => begin + width);
    const ages = agesOf(ends.toReversed(), oldest.toReversed(), await oldestWaiting(tx));
    const at = (state: State, i: number): number => sums[state]?.[i] ?? 0;
    return begins.map((begin, i) => ({
      at: begin,
      accepted: accepted[i] ?? 0,
      oldest: ages[i] ?? 0,
      sent: at('sent', i),
      captured: at('captured', i),
      bounced: at('bounced', i),
      cancelled: at('cancelled', i),
    }));
  });
}

const ENDS = ['sent', 'captured', 'bounced', 'cancelled'] as const;

export async function lastSent(database: Database): Promise<Instant | null> {
  const sql = `SELECT MAX(changed_at) AS at FROM posthaste_deliveries WHERE state = 'sent' AND ${IS_ENDED}`;
  const { rows } = await database.query(sql, []);
  return (rows[0]?.at as number | null | undefined) ?? null;
}
