/** What rates leave to a claim. The counts stand in the relay's row, so that all processes share them and a restart forgets nothing. */
import { allowance, nextAllowedAt, type Rate, type RateLog, recordUse, takeBack } from '../queue/rate.ts';
import type { ClaimRequest, Token } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Queries, Row } from './database.ts';
import type { Dialect } from './dialect.ts';
import { lockRelay } from './sql-relays.ts';

/** What a claim may take, and how it tells what it took. */
export interface Quota {
  readonly room: number;
  spend(count: number): Promise<void>;
  /** Lets the token of such a claim remember in whose counts it is. */
  mark(token: Token): Token;
}

/**
 * In whose counts a claim is, and by which rates. It stands in the token, behind what fences the claim: nobody else knows of a claim for
 * another relay who sent in its place, and a claim without rates asks for nothing when it is released.
 */
interface Spender {
  readonly relay: string;
  readonly rates: readonly Rate[];
}

/** By window, ms, and not by limit: who raises a day's limit has not taken back what went out today. */
type Logs = Readonly<Record<string, RateLog>>;

const NO_LIMIT: Quota = {
  room: Number.POSITIVE_INFINITY,
  spend: () => Promise.resolve(),
  mark: (token) => token,
};

/** Holds the relay's row until the end of the transaction, so that of two claims the second one sees what the first one took. */
export async function quotaOf(tx: Queries, dialect: Dialect, request: ClaimRequest): Promise<Quota> {
  const { rates = [], now } = request;
  const relay = request.ratesOf ?? request.relay;
  if (rates.length === 0) return NO_LIMIT;
  const row = await lockRelay(tx, dialect, relay);
  const logs = logsIn(row);
  const room = Math.min(...rates.map((rate) => allowance(rate, logOf(logs, rate), now)));
  const keep = async (after: Logs): Promise<void> => {
    // Workers ask often while they may take nothing: only what is news is written.
    if (after === logs && limitedUntil(rates, after, now) === row.limited_until) return;
    await keepLogs(tx, { relay, rates }, after, now);
  };
  if (room === 0) await keep(logs);
  return {
    room,
    spend: (count) => keep(changed(rates, logs, (rate, log) => recordUse(rate, log, now, count))),
    mark: (token) => `${token}/${JSON.stringify({ relay, rates } satisfies Spender)}`,
  };
}

/** What fences a claim, without what its token remembers beside that. */
export function unmarked(token: Token): Token {
  return token.split('/', 2).join('/');
}

/** Takes out of the counts of relays what was claimed and not begun. */
export interface Counts {
  /** One delivery of the claim with this token, which was made `then`. */
  giveBack(token: Token, then: Instant): void;
  keep(now: Instant): Promise<void>;
}

/** Holds the rows of the relays in whose counts these tokens are, as a claim does: before its deliveries. */
export async function countsOf(tx: Queries, dialect: Dialect, tokens: readonly Token[]): Promise<Counts> {
  const before = new Map<string, Logs>();
  for (const relay of [...new Set(tokens.flatMap((token) => spenderIn(token)?.relay ?? []))].sort())
    before.set(relay, logsIn(await lockRelay(tx, dialect, relay)));
  const after = new Map<string, { readonly spender: Spender; readonly logs: Logs }>();
  return {
    giveBack(token, then) {
      const spender = spenderIn(token);
      if (spender === undefined) return;
      const { relay, rates } = spender;
      const logs = after.get(relay)?.logs ?? before.get(relay) ?? {};
      after.set(relay, { spender, logs: changed(rates, logs, (rate, log) => takeBack(rate, log, then)) });
    },
    async keep(now) {
      for (const { spender, logs } of after.values()) await keepLogs(tx, spender, logs, now);
    },
  };
}

function spenderIn(token: Token): Spender | undefined {
  const mark = token.slice(unmarked(token).length + 1);
  return mark === '' ? undefined : (JSON.parse(mark) as Spender);
}

async function keepLogs(tx: Queries, { relay, rates }: Spender, logs: Logs, now: Instant): Promise<void> {
  const sql = 'UPDATE posthaste_relays SET rate_logs = ?, limited_until = ? WHERE relay = ?';
  await tx.query(sql, [JSON.stringify(logs), limitedUntil(rates, logs, now), relay]);
}

function logsIn(row: Row): Logs {
  return JSON.parse((row.rate_logs as string | null) ?? '{}') as Logs;
}

function logOf(logs: Logs, { window }: Rate): RateLog {
  return logs[window] ?? [];
}

function changed(rates: readonly Rate[], logs: Logs, change: (rate: Rate, log: RateLog) => RateLog): Logs {
  const recorded = rates.map((rate) => [rate.window, change(rate, logOf(logs, rate))]);
  return { ...logs, ...Object.fromEntries(recorded) };
}

/** null while something may still go. */
function limitedUntil(rates: readonly Rate[], logs: Logs, now: Instant): Instant | null {
  const next = Math.max(...rates.map((rate) => nextAllowedAt(rate, logOf(logs, rate), now)));
  return next > now ? next : null;
}
