/** When to try again and when to give up: pure functions of policy, attempts and time. */
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';

export interface RetryPolicy {
  /** Wait after the first failed attempt, ms. */
  readonly firstDelay: number;
  /** Each further wait is this many times the one before. */
  readonly factor: number;
  /** No wait is longer, ms. */
  readonly maxDelay: number;
  /** Where a server asks to come back soon to prove that we do come back (greylisting), no wait is longer, ms. */
  readonly greylistDelay: number;
  /** Where a server says that it was too much at once, no wait is shorter, ms. */
  readonly rateLimitDelay: number;
  /** Part of a wait that is left to chance, 0 to 1: 0.2 spreads it over 80 to 120 %. */
  readonly jitter: number;
  /** Age at which a delivery is given up, ms (RFC 5321 4.5.4.1: four to five days). */
  readonly maxAge: number;
  /** Attempts after which a delivery is given up; null: only its age counts. */
  readonly maxAttempts: number | null;
  /** Age at which the sender is told once that the message is delayed, ms; null: never. */
  readonly delayReportAfter: number | null;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export const defaultRetryPolicy: RetryPolicy = {
  firstDelay: MINUTE,
  factor: 2,
  maxDelay: HOUR,
  greylistDelay: 5 * MINUTE,
  rateLimitDelay: 5 * MINUTE,
  jitter: 0.2,
  maxAge: 5 * 24 * HOUR,
  maxAttempts: null,
  delayReportAfter: 4 * HOUR,
};

export type ReplyClass = 'greylisted' | 'rate limited' | 'other';

/** What kind of "not now" a reply is. Greylisting has no code of its own: 450 or 451 with 4.7.1, or the word itself. */
export function classOfReply({ code, status, text }: Reply): ReplyClass {
  if (/gr[ea]y-?list/i.test(text)) return 'greylisted';
  if (/\b(?:rate|too (?:many|much|fast)|throttl|slow down|quota|limit)/i.test(text)) return 'rate limited';
  if ((code === 450 || code === 451) && status === '4.7.1') return 'greylisted';
  return code === 421 || status?.startsWith('4.7.') === true ? 'rate limited' : 'other';
}

/** The wait after the `attempts`th attempt (from 1), ms. `chance` is a random number in [0, 1). */
export function retryDelay(policy: RetryPolicy, attempts: number, reply: Reply, chance: number): number {
  const growing = Math.min(policy.maxDelay, policy.firstDelay * policy.factor ** Math.max(0, attempts - 1));
  const kind = classOfReply(reply);
  const early = kind === 'greylisted' ? Math.min(growing, policy.greylistDelay) : growing;
  return spread(kind === 'rate limited' ? Math.max(early, policy.rateLimitDelay) : early, policy.jitter, chance);
}

/** Pauses of a relay after 1, 2, 3 ... faults in a row, ms: short at first, because most faults pass; a day's outage sees about a hundred probes. */
const RELAY_PAUSES: readonly number[] = [
  1_000,
  2_000,
  5_000,
  15_000,
  30_000,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
];

export function relayPauses(chance: number): readonly number[] {
  return RELAY_PAUSES.map((pause) => spread(pause, 0.2, chance));
}

function spread(ms: number, jitter: number, chance: number): number {
  return Math.round(ms * (1 - jitter + 2 * jitter * chance));
}

/** The next attempt's time, never past the moment of giving up, so that the last attempt is made just before it. */
export function nextAttemptAt(
  policy: RetryPolicy,
  attempts: number,
  reply: Reply,
  now: Instant,
  expiresAt: Instant,
  chance: number,
): Instant {
  const at = now + retryDelay(policy, attempts, reply, chance);
  return now < expiresAt ? Math.min(at, expiresAt - 1) : at;
}
