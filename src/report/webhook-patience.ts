/** How long a webhook is left alone after failures: pure. */
import type { WebhookState } from '../queue/webhook.ts';
import type { Instant } from '../runtime/clock.ts';
import type { WebhookAnswer } from './webhook-post.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

const FIRST = 5 * SECOND;
const LONGEST = HOUR;
/** So much more or less, that those which failed together do not come back together. */
const JITTER = 0.2;
/** Failures in a row from which on it is the webhook, and not an event: then it rests, and is tried with one event alone. */
export const BROKEN = 3;
/** What it may ask for, ms. */
const MAX_ASKED = 24 * HOUR;

/** Of an event that has failed so often; `random` is in [0, 1). */
export function waitAfter(attempts: number, random: number): number {
  const wait = Math.min(LONGEST, FIRST * 2 ** Math.min(20, attempts - 1));
  return Math.round(wait * (1 - JITTER + 2 * JITTER * random));
}

export type Standing = Pick<WebhookState, 'failures' | 'failingSince' | 'restUntil' | 'disabledAt'>;

/** How it stands after an answer. */
export function standingAfter(standing: Standing, answer: WebhookAnswer, now: Instant, random: number): Standing {
  const { status, error, retryAfter } = answer;
  if (error === null) return { failures: 0, failingSince: null, restUntil: null, disabledAt: standing.disabledAt };
  const failures = standing.failures + 1;
  const rest = Math.max(
    failures < BROKEN ? 0 : waitAfter(failures - BROKEN + 1, random),
    Math.min(retryAfter ?? 0, MAX_ASKED),
  );
  return {
    failures,
    failingSince: standing.failingSince ?? now,
    restUntil: rest === 0 ? standing.restUntil : Math.max(standing.restUntil ?? 0, now + rest),
    disabledAt: status === 410 ? now : standing.disabledAt,
  };
}
