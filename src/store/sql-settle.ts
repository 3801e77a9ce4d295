/** The ends of claims: settled with what came of them, released in order, or reclaimed when their lease ran out. */
import type { Attempt } from '../queue/delivery.ts';
import type { SettleGroup, Settlement, Token } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idToBytes } from '../runtime/id.ts';
import type { Database, Queries, Row, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { bit, idOf, replyValues } from './rows.ts';
import { insertMessages } from './sql-insert.ts';
import { pairsOf, tokenOf } from './sql-lease.ts';
import { countsOf, unmarked } from './sql-rates.ts';
import { dropProbes } from './sql-relays.ts';
import { IS_TOLD, tellChanged } from './sql-tell.ts';
import { inKeys, inPairs, insertRows, queryByKeys, type RowUpdate, updateRows } from './statements.ts';
import { carryOut } from './steps.ts';

/** Deliveries in one transaction of `reclaim`. */
const RECLAIM_BATCH = 500;

const ATTEMPT_COLUMNS = [
  'id',
  'token',
  'ordinal',
  'started_at',
  'duration_ms',
  'relay',
  'outcome',
  'reply_code',
  'reply_status',
  'reply_text',
];

const NO_CLAIM = 'token = NULL, holder = NULL, claimed_at = NULL, lease_until = NULL';

/** A reply that is missing leaves the one from before. */
const SETTLE: RowUpdate = {
  table: 'posthaste_deliveries',
  columns: [
    ['v_id', 'id'],
    ['v_ordinal', 'integer'],
    ['v_state', 'name'],
    ['v_reason', 'name'],
    ['v_due_at', 'integer'],
    ['v_given_back', 'integer'],
    ['v_code', 'integer'],
    ['v_status', 'name'],
    ['v_text', 'text'],
    ['v_ours', 'integer'],
    ['v_doubt', 'integer'],
    ['v_delay', 'integer'],
    ['v_tried_at', 'integer'],
    ['v_changed_at', 'integer'],
    ['v_relay', 'name'],
  ],
  set:
    'relay = COALESCE(v_relay, relay), state = v_state, reason = v_reason, due_at = v_due_at, attempts = attempts - v_given_back, ' +
    'reply_code = COALESCE(v_code, reply_code), reply_text = COALESCE(v_text, reply_text), ' +
    'reply_status = CASE WHEN v_code IS NULL THEN reply_status ELSE v_status END, ' +
    'reply_ours = CASE WHEN v_code IS NULL THEN reply_ours ELSE v_ours END, ' +
    'in_doubt = v_doubt, delay_reported = v_delay, last_attempt_at = COALESCE(v_tried_at, last_attempt_at), ' +
    `changed_at = v_changed_at, ${NO_CLAIM}`,
  on: 'id = v_id AND ordinal = v_ordinal',
};

type Took = readonly (readonly boolean[])[];

export function settle(
  database: Database,
  dialect: Dialect,
  groups: readonly SettleGroup[],
  now: Instant,
): Promise<Took> {
  const weight = groups.reduce((sum, group) => sum + group.settlements.length, 0);
  // What waits again, and what is to be told, others may send as well.
  const news = (): boolean =>
    groups.some(
      ({ settlements, reports }) => reports.length > 0 || settlements.some(({ state }) => state === 'queued'),
    );
  const work = (tx: Queries, again: boolean): Promise<Took> => settleGroups(tx, dialect, groups, now, again);
  return database.transaction(work, { commit: 'riding', weight, news, repeatable: true });
}

async function settleGroups(
  tx: Queries,
  dialect: Dialect,
  groups: readonly SettleGroup[],
  now: Instant,
  again: boolean,
): Promise<Took> {
  const all = groups.flatMap((group) => group.settlements);
  const unbegun = all.filter((settlement) => settlement.unbegun === true);
  const counts = await countsOf(
    tx,
    dialect,
    unbegun.map(({ token }) => token),
  );
  const held = await heldClaims(tx, dialect, all);
  const settled: Held[] = [];
  const took = groups.map((group) => group.settlements.map((settlement) => takeFrom(held, settlement, settled)));
  for (const { settlement, row } of settled)
    if (settlement.unbegun === true) counts.giveBack(settlement.token, row.claimed_at as number);
  await counts.keep(now);
  const updates = settled.map(({ settlement, row }) => settleValues(settlement, row, now));
  await updateRows(tx, dialect, SETTLE, updates);
  await insertRows(tx, dialect, 'posthaste_attempts', ATTEMPT_COLUMNS, settled.flatMap(attemptValues));
  if (isTold(settled.map(({ row }) => row))) {
    const doubtful = settled.filter(({ settlement }) => settlement.attempt?.outcome === 'in doubt');
    await carryOut(tx, tellChanged(dialect, settled.map(keyOf), now, doubtful.map(keyOf)));
  }
  const reports = groups.flatMap((group, i) => (took[i]?.includes(true) ? group.reports : []));
  if (reports.length > 0) await insertMessages(tx, dialect, reports, now);
  const asked = groups.filter((group, i) => (again || group.again === true) && took[i]?.includes(false));
  if (asked.length === 0) return took;
  const noted = await notedBefore(
    tx,
    dialect,
    asked.flatMap(({ settlements }) => settlements),
  );
  return groups.map((group, i) =>
    group.settlements.map((each, j) => took[i]?.[j] === true || (asked.includes(group) && noted(each))),
  );
}

/** Which of these settlements are written: where they hold nothing, it was by a commit whose answer was lost. A crash is noted by others. */
async function notedBefore(
  tx: Queries,
  dialect: Dialect,
  settlements: readonly Settlement[],
): Promise<(settlement: Settlement) => boolean> {
  const tried = settlements.filter(({ attempt }) => attempt !== null);
  if (tried.length === 0) return () => false;
  const keys = tried.map(({ id, ordinal }): [Value, Value] => [idToBytes(id), ordinal]);
  const sql = (list: string): string =>
    `SELECT id, ordinal, token FROM posthaste_attempts WHERE ${list} AND outcome <> 'crashed'`;
  const { rows } = await queryByKeys(tx, inPairs(dialect, 'id, ordinal', keys), sql);
  const fences = rows.map((row) => {
    const id = idOf(row.id);
    return fenceOf(tokenOf(row.token as Uint8Array, id), id, row.ordinal as number);
  });
  const noted = new Set(fences);
  return ({ token, id, ordinal }) => noted.has(fenceOf(unmarked(token), id, ordinal));
}

/** A settlement with the row it is for. */
interface Held {
  readonly settlement: Settlement;
  readonly row: Row;
}

function isTold(rows: readonly Row[]): boolean {
  return rows.some(({ telling }) => Number(telling) === 1);
}

function keyOf({ row }: Pick<Held, 'row'>): readonly [Value, Value] {
  return [row.id as Value, row.ordinal as Value];
}

/** Moves what a settlement holds from `held` to `settled`, once; false when it does not hold. */
function takeFrom(held: Map<string, Row>, settlement: Settlement, settled: Held[]): boolean {
  const fence = fenceOf(unmarked(settlement.token), settlement.id, settlement.ordinal);
  const row = held.get(fence);
  if (row === undefined) return false;
  held.delete(fence);
  settled.push({ settlement, row });
  return true;
}

function fenceOf(token: Token, id: Id, ordinal: number): string {
  return `${token}/${id}/${ordinal}`;
}

/** Those of the deliveries that are claimed, by token and name, locked. Only what is sending has a token. */
async function heldClaims(
  tx: Queries,
  dialect: Dialect,
  settlements: readonly Settlement[],
): Promise<Map<string, Row>> {
  const keys = settlements.map(({ id, ordinal }): [Value, Value] => [idToBytes(id), ordinal]);
  const sql = (list: string): string =>
    `SELECT id, ordinal, token, claimed_at, ${IS_TOLD} AS telling FROM posthaste_deliveries WHERE ${list}${dialect.lock}`;
  const { rows } = await queryByKeys(tx, inPairs(dialect, 'id, ordinal', keys), sql);
  const claimed = rows.filter((row) => row.token !== null);
  return new Map(
    claimed.map((row) => {
      const id = idOf(row.id);
      return [fenceOf(tokenOf(row.token as Uint8Array, id), id, row.ordinal as number), row];
    }),
  );
}

function settleValues(settlement: Settlement, row: Row, now: Instant): Value[] {
  return [
    row.id as Value,
    row.ordinal as Value,
    settlement.state,
    settlement.reason,
    settlement.dueAt,
    bit(settlement.giveBack),
    ...replyValues(settlement.reply),
    bit(settlement.reply?.ours === true),
    bit(settlement.inDoubt),
    bit(settlement.delayReported),
    settlement.attempt?.startedAt ?? null,
    now,
    settlement.relay ?? null,
  ];
}

function attemptValues({ settlement: { ordinal, attempt }, row }: Held): Value[][] {
  return attempt === null ? [] : [attemptRow(row.id as Value, row.token as Value, { ...attempt, ordinal })];
}

function attemptRow(id: Value, token: Value, attempt: Attempt): Value[] {
  const { ordinal, startedAt, durationMs, relay, outcome, reply } = attempt;
  return [id, token, ordinal, startedAt, durationMs, relay, outcome, ...replyValues(reply)];
}

export async function release(
  database: Database,
  dialect: Dialect,
  tokens: readonly Token[],
  now: Instant,
): Promise<number> {
  const lists = inPairs(dialect, 'id, token', pairsOf(tokens));
  const sql = (keys: string): string =>
    `UPDATE posthaste_deliveries${dialect.byIndex('PRIMARY')} SET state = 'queued', attempts = attempts - 1, changed_at = ?, ${NO_CLAIM} WHERE ${keys} AND state = 'sending'`;
  const work = async (tx: Queries): Promise<number> => {
    const marked = tokens.filter((token) => token !== unmarked(token));
    if (marked.length > 0) await giveBackRates(tx, dialect, marked, now);
    return (await queryByKeys(tx, lists, sql, [now])).changed;
  };
  return database.transaction(work, { commit: 'riding', weight: tokens.length, news: (released) => released > 0 });
}

/** What these tokens still hold was never begun. */
async function giveBackRates(tx: Queries, dialect: Dialect, tokens: readonly Token[], now: Instant): Promise<void> {
  const counts = await countsOf(tx, dialect, tokens);
  const sql = (keys: string): string =>
    `SELECT id, token, claimed_at FROM posthaste_deliveries${dialect.byIndex('PRIMARY')} WHERE ${keys} AND state = 'sending'${dialect.lock}`;
  const { rows } = await queryByKeys(tx, inPairs(dialect, 'id, token', pairsOf(tokens)), sql);
  const byFence = new Map(tokens.map((token) => [unmarked(token), token]));
  for (const row of rows) {
    const fence = tokenOf(row.token as Uint8Array, idOf(row.id));
    counts.giveBack(byFence.get(fence) ?? fence, row.claimed_at as number);
  }
  await counts.keep(now);
}

/** Claims that nobody will end: their lease ran out, or their holder is gone. */
interface Lost {
  readonly sql: string;
  readonly values: readonly Value[];
}

function lostClaims(now: Instant, dead: readonly Id[]): Lost {
  const holders = dead.length === 0 ? '' : ` OR holder IN (${dead.map(() => '?').join(', ')})`;
  return { sql: `state = 'sending' AND (lease_until <= ?${holders})`, values: [now, ...dead.map(idToBytes)] };
}

/** Looks without a transaction first: there is nearly never anything to do. */
export async function reclaim(
  database: Database,
  dialect: Dialect,
  now: Instant,
  dead: readonly Id[],
  delays: readonly number[],
): Promise<number> {
  const lost = lostClaims(now, dead);
  if (dead.length > 0) await database.transaction((tx) => dropProbes(tx, dead), { commit: 'riding' });
  const { rows } = await database.query(`SELECT id FROM posthaste_deliveries WHERE ${lost.sql} LIMIT 1`, lost.values);
  let total = 0;
  for (let more = rows.length > 0; more; ) {
    const reclaimed = await database.transaction((tx) => reclaimSome(tx, dialect, lost, now, delays), {
      news: (some) => some > 0,
    });
    total += reclaimed;
    more = reclaimed === RECLAIM_BATCH;
  }
  return total;
}

const RECLAIM: RowUpdate = {
  table: 'posthaste_deliveries',
  columns: [
    ['v_id', 'id'],
    ['v_ordinal', 'integer'],
    ['v_due_at', 'integer'],
    ['v_changed_at', 'integer'],
  ],
  // Nobody knows how far its attempt had come.
  set: `state = 'queued', in_doubt = 1, due_at = v_due_at, last_attempt_at = claimed_at, changed_at = v_changed_at, ${NO_CLAIM}`,
  on: 'id = v_id AND ordinal = v_ordinal',
};

async function reclaimSome(
  tx: Queries,
  dialect: Dialect,
  lost: Lost,
  now: Instant,
  delays: readonly number[],
): Promise<number> {
  const { rows } = await tx.query(
    `SELECT id, ordinal, token, relay, due_at, claimed_at, ${IS_TOLD} AS telling FROM posthaste_deliveries${dialect.byIndex('posthaste_deliveries_state')} ` +
      `WHERE ${lost.sql} ` +
      `ORDER BY id, ordinal LIMIT ?${dialect.lockFree}`,
    [...lost.values, RECLAIM_BATCH],
  );
  if (rows.length === 0) return 0;
  const crashesOf = await crashesBefore(tx, rows);
  const updates = rows.map((row): Value[] => {
    const delay = delays[Math.min(crashesOf(row), delays.length - 1)] ?? 0;
    // Without a delay it keeps its place in the order.
    const dueAt = delay === 0 ? (row.due_at as number) : now + delay;
    return [row.id as Value, row.ordinal as Value, dueAt, now];
  });
  await updateRows(tx, dialect, RECLAIM, updates);
  await insertRows(
    tx,
    dialect,
    'posthaste_attempts',
    ATTEMPT_COLUMNS,
    rows.map((row) => crashedRow(row, now)),
  );
  const keys = rows.map((row) => keyOf({ row }));
  if (isTold(rows)) await carryOut(tx, tellChanged(dialect, keys, now, keys));
  return rows.length;
}

/** How often an attempt of each delivery has ended with its process. */
async function crashesBefore(tx: Queries, rows: readonly Row[]): Promise<(row: Row) => number> {
  const ids = [...new Map(rows.map((row) => [idOf(row.id), row.id as Value])).values()];
  const sql = (keys: string): string =>
    `SELECT id, ordinal, COUNT(*) AS crashes FROM posthaste_attempts WHERE ${keys} AND outcome = 'crashed' GROUP BY id, ordinal`;
  const { rows: found } = await queryByKeys(tx, inKeys('id', ids), sql);
  const name = (row: Row): string => `${idOf(row.id)}:${row.ordinal}`;
  const crashes = new Map(found.map((row) => [name(row), Number(row.crashes)]));
  return (row) => crashes.get(name(row)) ?? 0;
}

function crashedRow(row: Row, now: Instant): Value[] {
  const startedAt = row.claimed_at as number;
  return attemptRow(row.id as Value, row.token as Value, {
    ordinal: row.ordinal as number,
    startedAt,
    durationMs: Math.max(0, now - startedAt),
    relay: row.relay as string,
    outcome: 'crashed',
    reply: null,
  });
}
