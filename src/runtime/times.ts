/** Points in time as people and other programs write them. */
import type { Instant } from './clock.ts';

const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|UTC|[+-]\d\d:?\d\d)?)?$/i;
/** Above this a number counts milliseconds since 1970, below it seconds: the year 5138, or March 1973. */
const SECONDS = 1e11;

/** A date (00:00 UTC), a date with a time (UTC where it names no offset), or a number since 1970; undefined: none of it. */
export function parseTime(text: string): Instant | undefined {
  if (/^\d{9,14}$/.test(text)) return Number(text) < SECONDS ? Number(text) * 1_000 : Number(text);
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [, date, time = '00:00', zone = 'Z'] = match;
  const instant = Date.parse(`${date}T${time}${zone.toUpperCase() === 'UTC' ? 'Z' : zone}`);
  return Number.isNaN(instant) ? undefined : instant;
}
