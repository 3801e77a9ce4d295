/** What all workers share about relays, and the processes that work here. */
import type { Reply } from '../mail/reply.ts';
import { isResting } from '../queue/pace.ts';
import type { Node, RelayState } from '../queue/relay-store.ts';
import { LONGEST_PAUSE } from '../queue/schedule.ts';
import type { ClaimRequest } from '../queue/store.ts';
import { isFewMessages, isToBlame, withSuspect } from '../queue/suspicion.ts';
import { farthest, type Instant, isAhead } from '../runtime/clock.ts';
import { type Id, idToBytes } from '../runtime/id.ts';
import type { Database, Queries, Row } from './database.ts';
import type { Dialect } from './dialect.ts';
import { bit, nodeOf, relayOf, replyValues } from './rows.ts';
import { inKeys, insertRows, queryByKeys } from './statements.ts';
import { ask, type Steps } from './steps.ts';

const NO_FAULTS =
  'faults = 0, fault_since = NULL, fault_for_all = 0, probe_at = NULL, probing_until = NULL, prober = NULL, reply_code = NULL, reply_status = NULL, reply_text = NULL';

export const FULL_PACE =
  'pace = NULL, rests = 0, rest_until = NULL, slowed_at = NULL, pace_at = NULL, slow_code = NULL, slow_status = NULL, slow_text = NULL';

export async function relays(database: Database): Promise<readonly RelayState[]> {
  const { rows } = await database.query('SELECT * FROM posthaste_relays ORDER BY relay', []);
  return rows.map(relayOf);
}

/** Writes only the first time: a server may call it at every start. */
export async function noteRelay(database: Database, dialect: Dialect, relay: string, now: Instant): Promise<void> {
  const sql = 'SELECT relay FROM posthaste_relays WHERE relay = ? AND known_since IS NOT NULL';
  if ((await database.query(sql, [relay])).rows.length > 0) return;
  await database.transaction(async (tx) => {
    await lockRelay(tx, dialect, relay);
    await tx.query('UPDATE posthaste_relays SET known_since = ? WHERE relay = ? AND known_since IS NULL', [now, relay]);
  });
}

export async function noteSent(database: Database, dialect: Dialect, relay: string, now: Instant): Promise<void> {
  const work = async (tx: Queries): Promise<void> => {
    await lockRelay(tx, dialect, relay);
    const sql = 'UPDATE posthaste_relays SET sent_at = ? WHERE relay = ? AND (sent_at IS NULL OR sent_at < ?)';
    await tx.query(sql, [now, relay, now]);
  };
  await database.transaction(work, { commit: 'riding' });
}

export async function pauseRelay(
  database: Database,
  dialect: Dialect,
  relay: string,
  pause: { readonly at: Instant; readonly by: string } | null,
): Promise<void> {
  const work = async (tx: Queries): Promise<void> => {
    await lockRelay(tx, dialect, relay);
    if (pause === null)
      await tx.query(
        `UPDATE posthaste_relays SET paused_at = NULL, paused_by = NULL, ${NO_FAULTS}, ${FULL_PACE} WHERE relay = ?`,
        [relay],
      );
    else
      await tx.query('UPDATE posthaste_relays SET paused_at = ?, paused_by = ? WHERE relay = ?', [
        pause.at,
        pause.by,
        relay,
      ]);
  };
  await database.transaction(work, { news: () => true });
}

/** The relay's row, locked; makes it where there is none. */
export async function lockRelay(tx: Queries, dialect: Dialect, relay: string): Promise<Row> {
  await insertRows(tx, dialect, 'posthaste_relays', ['relay'], [[relay]], dialect.unlessTaken('relay'));
  const { rows } = await tx.query(`SELECT * FROM posthaste_relays WHERE relay = ?${dialect.lock}`, [relay]);
  return rows[0] as Row;
}

export async function faultRelay(
  database: Database,
  dialect: Dialect,
  relay: string,
  { fault, suspect }: { readonly fault: Reply; readonly suspect: Id | null },
  now: Instant,
  delays: readonly number[],
): Promise<RelayState | 'message'> {
  const work = async (tx: Queries): Promise<RelayState | 'message'> => {
    const row = await lockRelay(tx, dialect, relay);
    const state = relayOf(row);
    if (suspect !== null && isToBlame(state, suspect)) return 'message';
    await suspectIn(tx, state, suspect, now);
    // A probe that is under way is no pause.
    const isPaused = isAhead((row.probe_at as number | null) ?? 0, now, LONGEST_PAUSE) && row.probing_until === null;
    if (!isPaused) await pauseForFault(tx, state, fault, now, delays);
    const { rows } = await tx.query('SELECT * FROM posthaste_relays WHERE relay = ?', [relay]);
    return relayOf(rows[0] as Row);
  };
  return database.transaction(work, { commit: 'riding' });
}

async function suspectIn(tx: Queries, state: RelayState, suspect: Id | null, now: Instant): Promise<void> {
  const suspects = suspect === null ? state.suspects : withSuspect(state.suspects, suspect, now);
  const values = [bit(state.faultForAll || suspect === null), JSON.stringify(suspects), state.relay];
  await tx.query('UPDATE posthaste_relays SET fault_for_all = ?, suspects = ? WHERE relay = ?', values);
}

async function pauseForFault(
  tx: Queries,
  { relay, faults }: RelayState,
  fault: Reply,
  now: Instant,
  delays: readonly number[],
): Promise<void> {
  const probeAt = now + (delays[Math.min(faults, delays.length - 1)] ?? 0);
  const sql =
    'UPDATE posthaste_relays SET faults = ?, fault_since = COALESCE(fault_since, ?), probe_at = ?, probing_until = NULL, prober = NULL, ' +
    'reply_code = ?, reply_status = ?, reply_text = ? WHERE relay = ?';
  await tx.query(sql, [faults + 1, now, probeAt, ...replyValues(fault), relay]);
}

/** Writes only where there were faults: a worker may call it after every success. */
export async function healRelay(database: Database, relay: string, now: Instant): Promise<boolean> {
  const { rows } = await database.query('SELECT faults FROM posthaste_relays WHERE relay = ? AND faults > 0', [relay]);
  if (rows.length === 0) return false;
  const sql = `UPDATE posthaste_relays SET ${NO_FAULTS}, mended_at = ? WHERE relay = ? AND faults > 0`;
  const { changed } = await database.transaction((tx) => tx.query(sql, [now, relay]), {
    commit: 'riding',
    news: (result) => result.changed > 0,
  });
  return changed > 0;
}

/** A single message to probe with: the first that is none of `suspects`, or, where the pause is over, of them where there is no other. */
export interface Probe {
  readonly suspects: readonly Id[];
  readonly isDue: boolean;
}

/** Whether a claim may take something now: all it wants, a single message, or nothing. */
export type Gate = 'open' | 'shut' | Probe;

/** What a claim must know of a relay. */
export interface Look {
  readonly gate: Gate;
  readonly shareChanges: number;
}

/** `lock`: behind the text, to hold the relay's row until the end of the transaction. */
export function* lookAt(
  { relay, now, standIn }: Pick<ClaimRequest, 'relay' | 'now' | 'standIn'>,
  lock = '',
): Steps<Look> {
  const { rows } = yield* ask(`SELECT * FROM posthaste_relays WHERE relay = ?${lock}`, [relay]);
  const [row] = rows;
  if (row === undefined) return { gate: 'open', shareChanges: 0 };
  const gate = gateIn(relayOf(row), row.probing_until as number | null, now, standIn === true);
  return { gate, shareChanges: row.share_changes as number };
}

function gateIn(state: RelayState, probingUntil: Instant | null, now: Instant, standIn: boolean): Gate {
  if (state.pausedAt !== null) return 'shut';
  if (standIn) return 'open';
  if (isResting(state.pace, now)) return 'shut';
  if (state.faults === 0) return 'open';
  const isDue = !isAhead(state.probeAt ?? 0, now, LONGEST_PAUSE);
  const isProbed = (probingUntil ?? 0) > now;
  if (isProbed || !(isDue || isFewMessages(state))) return 'shut';
  return { suspects: state.suspects.map(({ id }) => id), isDue };
}

/** Takes the one probe until the lease ends; false when another caller has it. */
export async function takeProbe(
  tx: Queries,
  { relay, now, until, holder }: ClaimRequest,
  { isDue }: Probe,
): Promise<boolean> {
  const sql =
    'UPDATE posthaste_relays SET probing_until = ?, prober = ? WHERE relay = ? AND faults > 0 AND paused_at IS NULL ' +
    `${isDue ? 'AND (probe_at <= ? OR probe_at > ?) ' : ''}AND (probing_until IS NULL OR probing_until <= ?)`;
  const times = isDue ? [now, farthest(now, LONGEST_PAUSE), now] : [now];
  return (await tx.query(sql, [until, idToBytes(holder), relay, ...times])).changed === 1;
}

/** Never another caller's, nor one that was claimed later. */
export async function endProbe(database: Database, relay: string, holder: Id, until: Instant): Promise<boolean> {
  const sql =
    'UPDATE posthaste_relays SET probing_until = NULL, prober = NULL WHERE relay = ? AND prober = ? AND probing_until = ?';
  const { changed } = await database.transaction((tx) => tx.query(sql, [relay, idToBytes(holder), until]), {
    commit: 'riding',
    news: (result) => result.changed > 0,
  });
  return changed > 0;
}

/** Probes of processes that are gone need not be waited for. */
export async function dropProbes(tx: Queries, dead: readonly Id[]): Promise<void> {
  const lists = inKeys('prober', dead.map(idToBytes));
  await queryByKeys(
    tx,
    lists,
    (keys) => `UPDATE posthaste_relays SET probing_until = NULL, prober = NULL WHERE ${keys}`,
  );
}

export async function nodes(database: Database, seenAfter: Instant): Promise<readonly Node[]> {
  const { rows } = await database.query('SELECT * FROM posthaste_nodes WHERE seen_at > ? ORDER BY started_at, id', [
    seenAfter,
  ]);
  return rows.map(nodeOf);
}
