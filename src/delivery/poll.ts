/** How soon to look again for what other processes wrote, where the database does not say so: mail seldom comes alone. Pure. */
import type { Instant } from '../runtime/clock.ts';

/** Between two looks just after news, ms. */
const LEAST = 10;
/** The pause grows with the silence: an eighth of it, so that what comes after it is found at most so much later. */
const PART = 8;

/** ms until the next look. `most`: in a long silence, which `newsAt` null is. */
export function pollAfter(newsAt: Instant | null, now: Instant, most: number): number {
  // Those that seem to be to come are from before the clock was set back.
  if (newsAt === null || newsAt > now) return most;
  return Math.min(most, Math.max(LEAST, Math.floor((now - newsAt) / PART)));
}
