/** Rate limits: so many recipients in any span of time, kept as counts in small slots so that a day's limit needs a hundred numbers. Pure. */
import { type Instant, isAhead } from '../runtime/clock.ts';

/** At most `limit` in any half-open span of `window` ms. */
export interface Rate {
  readonly limit: number;
  readonly window: number;
}

/** What was let through, oldest first: slot number (time divided by slot length) and count. */
export type RateLog = readonly (readonly [slot: number, count: number])[];

/** Slots in a window: what a slot holds counts until its end has left the window, which costs 1 % of the rate at most. */
const SLOTS = 100;

/** How many more may go at `now`. */
export function allowance(rate: Rate, log: RateLog, now: Instant): number {
  return Math.max(0, rate.limit - sum(live(rate, log, now)));
}

/** The log after `count` more at `now`, without what no longer matters. */
export function recordUse(rate: Rate, log: RateLog, now: Instant, count: number): RateLog {
  const kept = live(rate, log, now);
  const slot = slotOf(rate, now);
  const last = kept.at(-1);
  if (last !== undefined && last[0] >= slot) return [...kept.slice(0, -1), [last[0], last[1] + count]];
  return [...kept, [slot, count]];
}

/** The log without one that was let through at `then` and did not go. What another clock had put elsewhere stays counted. */
export function takeBack(rate: Rate, log: RateLog, then: Instant): RateLog {
  const slot = slotOf(rate, then);
  const less = log.map(([other, count]) => [other, other === slot ? count - 1 : count] as const);
  return less.filter(([, count]) => count > 0);
}

/** When the next one may go: `now` if at once. */
export function nextAllowedAt(rate: Rate, log: RateLog, now: Instant): Instant {
  const counted = live(rate, log, now);
  let free = rate.limit - sum(counted);
  if (free > 0) return now;
  for (const [slot, count] of counted) {
    free += count;
    if (free > 0) return leavesAt(rate, slot);
  }
  return now;
}

function live(rate: Rate, log: RateLog, now: Instant): RateLog {
  return log.filter(([slot]) => isAhead(leavesAt(rate, slot), now, 2 * rate.window));
}

/** The end of the slot plus the window: then even the slot's last moment is more than a window ago. */
function leavesAt(rate: Rate, slot: number): Instant {
  return (slot + 1) * slotLength(rate) + rate.window;
}

function slotOf(rate: Rate, at: Instant): number {
  return Math.floor(at / slotLength(rate));
}

function slotLength(rate: Rate): number {
  return rate.window / SLOTS;
}

function sum(log: RateLog): number {
  return log.reduce((total, [, count]) => total + count, 0);
}
