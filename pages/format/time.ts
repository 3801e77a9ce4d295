/** Times as the reader writes them, in the reader's zone. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const exact = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'medium',
  timeStyle: 'medium',
});
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' });

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** With seconds. */
export function formatExact(at: number): string {
  return exact.format(at);
}

/** As short as it can be told apart: the time today, the day with the time this year, else the date. */
export function formatShortTime(at: number, now: number): string {
  if (new Date(at).toDateString() === new Date(now).toDateString()) return clock.format(at);
  return Math.abs(now - at) < 300 * DAY ? dayAndClock.format(at) : date.format(at);
}

const STEPS = [
  [DAY, 'day'],
  [HOUR, 'hour'],
  [MINUTE, 'minute'],
  [SECOND, 'second'],
] as const;

/** `3 min. ago`, `in 2 hr.`. */
export function formatRelative(at: number, now: number): string {
  const away = at - now;
  const [width, unit] = STEPS.find(([each]) => Math.abs(away) >= each) ?? STEPS[3];
  return relative.format(Math.trunc(away / width), unit);
}

/** `850 ms`, `4.2 s`, `3 min`, `5 h`, `2 d`. */
export function formatDuration(ms: number): string {
  if (ms < SECOND) return unit(ms, 'millisecond', 0);
  if (ms < MINUTE) return unit(ms / SECOND, 'second', ms < 10 * SECOND ? 1 : 0);
  if (ms < 2 * HOUR) return unit(ms / MINUTE, 'minute', 0);
  return ms < 2 * DAY ? unit(ms / HOUR, 'hour', 0) : unit(ms / DAY, 'day', 0);
}

function unit(value: number, name: string, digits: number): string {
  const options = { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat(undefined, options).format(value);
}
