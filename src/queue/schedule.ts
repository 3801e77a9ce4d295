/** When to try again and when to give up: pure functions of policy, attempts and time. */
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';

export interface RetryPolicy {
  /** `manual`: after an attempt that failed for the time being, nothing is tried again until somebody asks for it. */
  readonly mode: RetryMode;
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

/** The due time of what waits for a person to ask for it: the last one that a Date can hold. */
export const ON_DEMAND: Instant = 8_640_000_000_000_000;

export const RETRY_MODES = ['automatic', 'manual'] as const;
export type RetryMode = (typeof RETRY_MODES)[number];

/** What one message may ask for in place of its relay's policy. Times in ms, as in `RetryPolicy`. */
export type RetryOverride = Partial<
  Pick<RetryPolicy, 'mode' | 'firstDelay' | 'maxDelay' | 'maxAge' | 'maxAttempts' | 'delayReportAfter'>
>;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export const defaultRetryPolicy: RetryPolicy = {
  mode: 'automatic',
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

/** The relay's policy with the wishes of one message. */
export function policyFor(policy: RetryPolicy, override: RetryOverride | null): RetryPolicy {
  if (override === null) return policy;
  const firstDelay = override.firstDelay ?? policy.firstDelay;
  // One who asks for an hour between tries does not mean the relay's half an hour.
  const maxDelay = override.maxDelay ?? Math.max(firstDelay, policy.maxDelay);
  return { ...policy, ...override, firstDelay, maxDelay };
}

/** Least values; null, where it is allowed, means never. */
const OVERRIDABLE: Readonly<
  Record<Exclude<keyof RetryOverride, 'mode'>, { readonly least: number; readonly orNull: boolean }>
> = {
  firstDelay: { least: 1, orNull: false },
  maxDelay: { least: 1, orNull: false },
  maxAge: { least: 0, orNull: false },
  maxAttempts: { least: 1, orNull: true },
  delayReportAfter: { least: 0, orNull: true },
};

/** What is wrong with an override, as a sentence; undefined when it can be kept. */
export function overrideFault({ mode, ...times }: RetryOverride): string | undefined {
  if (mode !== undefined && !RETRY_MODES.includes(mode))
    return `retry.mode is ${JSON.stringify(mode)}: give ${RETRY_MODES.join(' or ')}.`;
  for (const [name, value] of Object.entries(times)) {
    const rule = OVERRIDABLE[name as keyof typeof OVERRIDABLE];
    const known = (): string => ['mode', ...Object.keys(OVERRIDABLE)].join(', ');
    if (rule === undefined) return `retry.${name} is not known: allowed are ${known()}.`;
    if (value === null && rule.orNull) continue;
    if (!Number.isSafeInteger(value) || (value as number) < rule.least) {
      const also = rule.orNull ? ', or null' : '';
      return `retry.${name} is ${String(value)}: give a whole number from ${rule.least}${also}.`;
    }
  }
  const { firstDelay, maxDelay } = times;
  if (firstDelay === undefined || maxDelay === undefined || firstDelay <= maxDelay) return undefined;
  return `retry.firstDelay (${firstDelay}) is longer than retry.maxDelay (${maxDelay}): the first wait is the shortest.`;
}

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

const PAUSE_JITTER = 0.2;

/** No pause of a relay is longer, ms. */
export const LONGEST_PAUSE = 15 * MINUTE * (1 + PAUSE_JITTER);

export function relayPauses(chance: number): readonly number[] {
  return RELAY_PAUSES.map((pause) => spread(pause, PAUSE_JITTER, chance));
}

/**
 * Waits of a delivery after its process ended during an attempt once, twice ..., ms. The first time it is hardly the message's
 * doing; one that ends every process which tries it must leave the others their turn.
 */
export const CRASH_DELAYS: readonly number[] = [0, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR];

function spread(ms: number, jitter: number, chance: number): number {
  return Math.round(ms * (1 - jitter + 2 * jitter * chance));
}

/** The last attempt is made so long before the moment of giving up, ms: nothing is claimed from then on, and a worker may be busy. */
const LAST_CALL = 10_000;

/** The next attempt's time: by the policy on demand, else never past the moment of giving up, so that the last attempt is made just before it. */
export function nextAttemptAt(
  policy: RetryPolicy,
  attempts: number,
  reply: Reply,
  now: Instant,
  expiresAt: Instant,
  chance: number,
): Instant {
  if (policy.mode === 'manual') return ON_DEMAND;
  const at = now + retryDelay(policy, attempts, reply, chance);
  const lastCall = expiresAt - LAST_CALL;
  if (at > lastCall && now < lastCall) return lastCall;
  return now < expiresAt ? Math.min(at, expiresAt - 1) : at;
}
