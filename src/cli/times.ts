/** Points in time as people type them, also as durations. */
import { parseDuration } from '../config/kinds.ts';
import type { Instant } from '../runtime/clock.ts';
import { parseTime } from '../runtime/times.ts';

/** As `parseTime`, or a duration from now. */
export function parseWhen(text: string, now: Instant): Instant | undefined {
  const duration = /^\d+$/.test(text) ? undefined : parseDuration(text);
  return duration === undefined ? parseTime(text) : now + duration;
}
