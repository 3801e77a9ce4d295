/** What operators and the janitor do to many deliveries: moves from state to state, and the removal of what has ended. */
import { ENDED, MOVES, STATES, type State } from '../queue/delivery.ts';
import type { Filter, MoveOptions, RerouteOptions } from '../queue/store.ts';
import type { Id } from '../runtime/id.ts';
import type { Database, Queries, Row, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { idOf, priorityNumber } from './rows.ts';
import { IS_ENDED } from './schema.ts';
import { keysOf } from './sql-claim.ts';
import { HAS_CONTENT, lockEnded } from './sql-contents.ts';
import { type Condition, conditionsOf, needsMessage, stateCondition, statesOf } from './sql-filter.ts';
import { count, type Place, selection, splitStates } from './sql-find.ts';
import { inKeys, inPairs, queryByKeys } from './statements.ts';

/** Deliveries in one transaction of a move: submissions go between them. */
const MOVE_BATCH = 500;
/** Messages in one transaction of a purge. */
const PURGE_BATCH = 64;

type Target = 'queued' | 'held' | 'cancelled';

/** What a worker holds is the worker's; what is queued may be queued again, to be due now. */
function sourcesOf(to: Target, filter: Filter): State[] {
  const asked = statesOf(filter);
  const allowed = STATES.filter(
    (state) => state !== 'sending' && (state === to ? to === 'queued' : MOVES[state].includes(to)),
  );
  return allowed.filter((state) => asked === undefined || asked.includes(state));
}

export async function move(
  database: Database,
  dialect: Dialect,
  filter: Filter,
  to: Target,
  options: MoveOptions,
): Promise<number> {
  const sources = sourcesOf(to, filter);
  if (sources.length === 0) return 0;
  if (options.dryRun === true) return count(database, dialect, filter, sources);
  let moved = 0;
  // Each search ends before the next begins; what a move brought into a later search's state is not met again there,
  // because `queued` is the only target that is also a source, and it comes first.
  for (const states of splitStates(filter, sources)) {
    moved += await changeAll(database, dialect, filter, states ?? sources, assignment(to, options));
  }
  return moved;
}

const WAITING: readonly State[] = ['queued', 'held'];

export async function reroute(
  database: Database,
  dialect: Dialect,
  asked: Filter,
  relay: string,
  options: RerouteOptions,
): Promise<number> {
  const filter: Filter = { ...asked, inDoubt: asked.inDoubt === true };
  const named = statesOf(filter);
  const states = WAITING.filter((state) => named === undefined || named.includes(state));
  if (states.length === 0 || filter.relay === relay) return 0;
  if (options.dryRun === true) {
    const there = filter.relay === undefined ? await count(database, dialect, { ...filter, relay }, states) : 0;
    return (await count(database, dialect, filter, states)) - there;
  }
  let changed = 0;
  for (const some of splitStates(filter, states)) {
    const change = { set: 'relay = ?', values: [relay], where: { sql: 'relay <> ? AND ', values: [relay] } };
    changed += await changeAll(database, dialect, filter, some ?? states, change);
  }
  return changed;
}

/** What an UPDATE sets, and in which of the rows that were found: all, or those that `where` names. */
interface Change {
  readonly set: string;
  readonly values: readonly Value[];
  readonly where?: Condition;
}

async function changeAll(
  database: Database,
  dialect: Dialect,
  filter: Filter,
  states: readonly State[],
  change: Change,
): Promise<number> {
  let total = 0;
  for (let after: Place | undefined; ; ) {
    const work = (tx: Queries): Promise<Changed> => changeSome(tx, dialect, filter, states, change, after);
    const { rows, changed } = await database.transaction(work, { news: () => true });
    total += changed;
    const last = rows.at(-1);
    if (last === undefined || rows.length < MOVE_BATCH) return total;
    after = { id: last.id as Uint8Array, ordinal: last.ordinal as number };
  }
}

interface Changed {
  readonly rows: readonly Row[];
  readonly changed: number;
}

async function changeSome(
  tx: Queries,
  dialect: Dialect,
  filter: Filter,
  states: readonly State[],
  { set, values, where = { sql: '', values: [] } }: Change,
  after: Place | undefined,
): Promise<Changed> {
  const columns = 'd.id, d.ordinal';
  const select = selection(dialect, { columns, filter, states, after, limit: MOVE_BATCH, suffix: dialect.lock });
  const { rows } = await tx.query(select.sql, select.values);
  const sql = (keys: string): string => `UPDATE posthaste_deliveries SET ${set} WHERE ${where.sql}${keys}`;
  const before = [...values, ...where.values];
  const { changed } = await queryByKeys(tx, inPairs(dialect, 'id, ordinal', keysOf(rows)), sql, before);
  return { rows, changed };
}

function assignment(to: Target, { now, expiresAt, delayReportAt = 0 }: MoveOptions): Change {
  if (to !== 'queued') {
    const reason = to === 'held' ? "'operator'" : 'NULL';
    return { set: `state = ?, reason = ${reason}, changed_at = ?`, values: [to, now] };
  }
  const deferred = priorityNumber('deferred');
  const where = { sql: `${HAS_CONTENT} AND `, values: [] };
  // What did not wait for its next attempt begins anew; what did keeps its age, or a retry every hour would let it live for ever.
  const anew = "(state <> 'queued' OR priority = ?)";
  // They come first, as MySQL gives the new state to what stands behind it.
  const set =
    `delay_report_at = CASE WHEN delay_report_at < ? AND ${anew} THEN ? ELSE delay_report_at END, ` +
    `expires_at = CASE WHEN expires_at < ? AND ${anew} THEN ? ELSE expires_at END, ` +
    "state = 'queued', reason = NULL, due_at = ?, in_doubt = 0, changed_at = ?, " +
    'priority = CASE WHEN priority = ? THEN ? ELSE priority END';
  const later = (at: number): number[] => [at, deferred, at];
  const values = [...later(delayReportAt), ...later(expiresAt), now, now, deferred, priorityNumber('medium')];
  return { set, values, where };
}

export async function purge(
  database: Database,
  dialect: Dialect,
  filter: Filter & { readonly changedBefore: number },
  limit: number,
): Promise<number> {
  let purged = 0;
  while (purged < limit) {
    const batch = Math.min(PURGE_BATCH, limit - purged);
    const work = (tx: Queries): Promise<number> => purgeSome(tx, dialect, filter, batch);
    const some = await database.transaction(work, { commit: 'riding', weight: batch });
    if (some === 0) break;
    purged += some;
  }
  return purged;
}

/** State by state, so that each is read in the order of its index. */
async function purgeSome(
  tx: Queries,
  dialect: Dialect,
  filter: Filter & { readonly changedBefore: number },
  limit: number,
): Promise<number> {
  const states = endedOf(filter);
  const ids = new Map<Id, Value>();
  for (const state of states) {
    if (ids.size >= limit) break;
    const { sql, values } = purgeable(dialect, filter, state, states);
    const some = `${sql} ORDER BY d.changed_at LIMIT ?${dialect.lockFree}`;
    for (const row of (await tx.query(some, [...values, limit - ids.size])).rows)
      ids.set(idOf(row.id), row.id as Value);
  }
  const found = [...ids.values()];
  // Only one delivery of each was locked: another may have been put back since it was looked at.
  const gone = dialect.lock === '' ? found : await lockEnded(tx, dialect, found, states);
  await freeKeys(tx, gone);
  for (const table of ['contents', 'attempts', 'deliveries', 'messages']) {
    await queryByKeys(tx, inKeys('id', gone), (keys) => `DELETE FROM posthaste_${table} WHERE ${keys}`);
  }
  return gone.length;
}

/** Whoever submits one of their keys from now on submits a new message. */
async function freeKeys(tx: Queries, ids: readonly Value[]): Promise<void> {
  const keysOf = (ids: string): string =>
    `SELECT submit_key FROM posthaste_messages WHERE submit_key IS NOT NULL AND ${ids}`;
  const { rows } = await queryByKeys(tx, inKeys('id', ids), keysOf);
  const keys = rows.map((row) => row.submit_key as Value);
  await queryByKeys(tx, inKeys('submit_key', keys), (some) => `DELETE FROM posthaste_keys WHERE ${some}`);
}

function endedOf(filter: Filter): readonly State[] {
  const asked = statesOf(filter);
  return ENDED.filter((state) => asked === undefined || asked.includes(state));
}

export async function purgeableCount(
  database: Database,
  dialect: Dialect,
  filter: Filter & { readonly changedBefore: number },
): Promise<number> {
  const states = endedOf(filter);
  const parts = states.map((state) => purgeable(dialect, filter, state, states));
  if (parts.length === 0) return 0;
  const sql = `SELECT COUNT(*) AS messages FROM (${parts.map((part) => part.sql).join(' UNION ')}) AS ended`;
  const { rows } = await database.query(
    sql,
    parts.flatMap(({ values }) => values),
  );
  return Number(rows[0]?.messages ?? 0);
}

/** Messages with a delivery in `state` and none that does not fit. */
function purgeable(
  dialect: Dialect,
  filter: Filter & { readonly changedBefore: number },
  state: State,
  states: readonly State[],
): Condition {
  const joined = needsMessage(filter);
  const from = joined ? 'posthaste_deliveries d CROSS JOIN posthaste_messages m' : 'posthaste_deliveries d';
  const fits = (d: string): Condition => {
    const conditions = [...conditionsOf(dialect, filter, d), stateCondition(states, false, d)];
    return { sql: conditions.map(({ sql }) => sql).join(' AND '), values: conditions.flatMap(({ values }) => values) };
  };
  const [one, others] = [fits('d'), fits('o')];
  const sql =
    `SELECT d.id FROM ${from} WHERE ${joined ? 'm.id = d.id AND ' : ''}d.state = ? AND ${IS_ENDED} AND d.changed_at < ? ` +
    `AND ${one.sql} AND NOT EXISTS (SELECT 1 FROM posthaste_deliveries o WHERE o.id = d.id AND NOT (${others.sql}))`;
  return { sql, values: [state, filter.changedBefore, ...one.values, ...others.values] };
}
