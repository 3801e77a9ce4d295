/** Spans of time in words for people. */
import type { Instant } from './clock.ts';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** The two largest units at most, the second only where it matters: `3d 4h`, `25m`, `1m 30s`, `0s`. */
export function elapsed(ms: number): string {
  const whole = Math.max(0, Math.round(ms / 1_000) * 1_000);
  const first = UNITS.findIndex(([, size]) => whole >= size);
  if (first === -1) return '0s';
  const [unit, size] = UNITS[first] as (typeof UNITS)[number];
  const amount = Math.floor(whole / size);
  const next = UNITS[first + 1];
  const rest = next === undefined || amount >= 10 ? 0 : Math.floor((whole - amount * size) / next[1]);
  return rest === 0 ? `${amount}${unit}` : `${amount}${unit} ${rest}${next?.[0]}`;
}

const NAMES: Readonly<Record<string, string>> = { d: 'day', h: 'hour', m: 'minute', s: 'second' };

/** The same for letters: `3 days 4 hours`, `1 minute`. */
export function inWords(ms: number): string {
  return elapsed(ms).replace(/(\d+)([dhms])/g, (_, count: string, unit: string) => {
    return `${count} ${NAMES[unit]}${count === '1' ? '' : 's'}`;
  });
}

/** `in 4m`, `3h ago`, `now`. */
export function relative(time: Instant, now: Instant): string {
  if (Math.abs(time - now) < 500) return 'now';
  return time > now ? `in ${elapsed(time - now)}` : `${elapsed(now - time)} ago`;
}
