/** What all workers share about relays, and the processes that work here. */
import type { Reply } from '../mail/reply.ts';
import type { ClaimRequest, Node, RelayState } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idToBytes } from '../runtime/id.ts';
import type { Database, Queries, Row } from './database.ts';
import type { Dialect } from './dialect.ts';
import { nodeOf, relayOf, replyValues } from './rows.ts';
import { inKeys, insertRows, queryByKeys } from './statements.ts';

const NO_FAULTS =
  'faults = 0, fault_since = NULL, probe_at = NULL, probing_until = NULL, prober = NULL, reply_code = NULL, reply_status = NULL, reply_text = NULL';

export const FULL_PACE =
  'pace = NULL, rests = 0, rest_until = NULL, slowed_at = NULL, pace_at = NULL, slow_code = NULL, slow_status = NULL, slow_text = NULL';

export async function relays(database: Database): Promise<readonly RelayState[]> {
  const { rows } = await database.query('SELECT * FROM relays ORDER BY relay', []);
  return rows.map(relayOf);
}

/** Writes only the first time: a server may call it at every start. */
export async function noteRelay(database: Database, dialect: Dialect, relay: string, now: Instant): Promise<void> {
  const sql = 'SELECT relay FROM relays WHERE relay = ? AND known_since IS NOT NULL';
  if ((await database.query(sql, [relay])).rows.length > 0) return;
  await database.transaction(async (tx) => {
    await lockRelay(tx, dialect, relay);
    await tx.query('UPDATE relays SET known_since = ? WHERE relay = ? AND known_since IS NULL', [now, relay]);
  });
}

export async function pauseRelay(
  database: Database,
  dialect: Dialect,
  relay: string,
  pause: { readonly at: Instant; readonly by: string } | null,
): Promise<void> {
  await database.transaction(async (tx) => {
    await lockRelay(tx, dialect, relay);
    if (pause === null)
      await tx.query(
        `UPDATE relays SET paused_at = NULL, paused_by = NULL, ${NO_FAULTS}, ${FULL_PACE} WHERE relay = ?`,
        [relay],
      );
    else await tx.query('UPDATE relays SET paused_at = ?, paused_by = ? WHERE relay = ?', [pause.at, pause.by, relay]);
  });
}

/** The relay's row, locked; makes it where there is none. */
export async function lockRelay(tx: Queries, dialect: Dialect, relay: string): Promise<Row> {
  await insertRows(tx, dialect, 'relays', ['relay'], [[relay]], dialect.unlessTaken('relay'));
  const { rows } = await tx.query(`SELECT * FROM relays WHERE relay = ?${dialect.lock}`, [relay]);
  return rows[0] as Row;
}

export async function faultRelay(
  database: Database,
  dialect: Dialect,
  relay: string,
  fault: Reply,
  now: Instant,
  delays: readonly number[],
): Promise<RelayState> {
  const work = async (tx: Queries): Promise<RelayState> => {
    const row = await lockRelay(tx, dialect, relay);
    if (((row.probe_at as number | null) ?? 0) > now) return relayOf(row);
    const before = row.faults as number;
    const probeAt = now + (delays[Math.min(before, delays.length - 1)] ?? 0);
    const sql =
      'UPDATE relays SET faults = ?, fault_since = COALESCE(fault_since, ?), probe_at = ?, probing_until = NULL, prober = NULL, ' +
      'reply_code = ?, reply_status = ?, reply_text = ? WHERE relay = ?';
    await tx.query(sql, [before + 1, now, probeAt, ...replyValues(fault), relay]);
    const { rows } = await tx.query('SELECT * FROM relays WHERE relay = ?', [relay]);
    return relayOf(rows[0] as Row);
  };
  return database.transaction(work, { commit: 'riding' });
}

/** Writes only where there were faults: a worker may call it after every success. */
export async function healRelay(database: Database, relay: string): Promise<boolean> {
  const { rows } = await database.query('SELECT faults FROM relays WHERE relay = ? AND faults > 0', [relay]);
  if (rows.length === 0) return false;
  const sql = `UPDATE relays SET ${NO_FAULTS} WHERE relay = ? AND faults > 0`;
  const { changed } = await database.transaction((tx) => tx.query(sql, [relay]), { commit: 'riding' });
  return changed > 0;
}

/** Whether a claim may take something now: all it wants, a single message to probe with, or nothing. */
export type Gate = 'open' | 'probe' | 'shut';

export async function gateOf(
  tx: Queries,
  { relay, now, standIn }: Pick<ClaimRequest, 'relay' | 'now' | 'standIn'>,
): Promise<Gate> {
  const { rows } = await tx.query('SELECT * FROM relays WHERE relay = ?', [relay]);
  const state = rows[0] === undefined ? undefined : relayOf(rows[0]);
  if (state === undefined) return 'open';
  if (state.pausedAt !== null) return 'shut';
  if (standIn === true) return 'open';
  if ((state.pace?.restUntil ?? 0) > now) return 'shut';
  if (state.faults === 0) return 'open';
  return (state.probeAt ?? 0) <= now ? 'probe' : 'shut';
}

/** Takes the one probe until the lease ends; false when another caller has it. */
export async function takeProbe(tx: Queries, { relay, now, until, holder }: ClaimRequest): Promise<boolean> {
  const sql =
    'UPDATE relays SET probing_until = ?, prober = ? WHERE relay = ? AND faults > 0 AND paused_at IS NULL ' +
    'AND probe_at <= ? AND (probing_until IS NULL OR probing_until <= ?)';
  return (await tx.query(sql, [until, idToBytes(holder), relay, now, now])).changed === 1;
}

/** Probes of processes that are gone need not be waited for. */
export async function dropProbes(tx: Queries, dead: readonly Id[]): Promise<void> {
  const lists = inKeys('prober', dead.map(idToBytes));
  await queryByKeys(tx, lists, (keys) => `UPDATE relays SET probing_until = NULL, prober = NULL WHERE ${keys}`);
}

export async function nodes(database: Database, seenAfter: Instant): Promise<readonly Node[]> {
  const { rows } = await database.query('SELECT * FROM nodes WHERE seen_at > ? ORDER BY started_at, id', [seenAfter]);
  return rows.map(nodeOf);
}
