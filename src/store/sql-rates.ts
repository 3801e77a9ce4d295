/** What rates leave to a claim. The counts stand in the relay's row, so that all processes share them and a restart forgets nothing. */
import { allowance, nextAllowedAt, type Rate, type RateLog, recordUse } from '../queue/rate.ts';
import type { ClaimRequest } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Queries } from './database.ts';
import type { Dialect } from './dialect.ts';
import { lockRelay } from './sql-relays.ts';

/** What a claim may take, and how it tells what it took. */
export interface Quota {
  readonly room: number;
  spend(count: number): Promise<void>;
}

/** By window, ms, and not by limit: who raises a day's limit has not taken back what went out today. */
type Logs = Readonly<Record<string, RateLog>>;

const NO_LIMIT: Quota = { room: Number.POSITIVE_INFINITY, spend: () => Promise.resolve() };

/** Holds the relay's row until the end of the transaction, so that of two claims the second one sees what the first one took. */
export async function quotaOf(tx: Queries, dialect: Dialect, request: ClaimRequest): Promise<Quota> {
  const { rates = [], now } = request;
  const relay = request.ratesOf ?? request.relay;
  if (rates.length === 0) return NO_LIMIT;
  const row = await lockRelay(tx, dialect, relay);
  const logs = JSON.parse((row.rate_logs as string | null) ?? '{}') as Logs;
  const room = Math.min(...rates.map((rate) => allowance(rate, logOf(logs, rate), now)));
  const keep = async (after: Logs): Promise<void> => {
    const until = limitedUntil(rates, after, now);
    // Workers ask often while they may take nothing: only what is news is written.
    if (after === logs && until === row.limited_until) return;
    const sql = 'UPDATE posthaste_relays SET rate_logs = ?, limited_until = ? WHERE relay = ?';
    await tx.query(sql, [JSON.stringify(after), until, relay]);
  };
  if (room === 0) await keep(logs);
  return { room, spend: (count) => keep(spent(rates, logs, now, count)) };
}

function logOf(logs: Logs, { window }: Rate): RateLog {
  return logs[window] ?? [];
}

function spent(rates: readonly Rate[], logs: Logs, now: Instant, count: number): Logs {
  const recorded = rates.map((rate) => [rate.window, recordUse(rate, logOf(logs, rate), now, count)]);
  return { ...logs, ...Object.fromEntries(recorded) };
}

/** null while something may still go. */
function limitedUntil(rates: readonly Rate[], logs: Logs, now: Instant): Instant | null {
  const next = Math.max(...rates.map((rate) => nextAllowedAt(rate, logOf(logs, rate), now)));
  return next > now ? next : null;
}
