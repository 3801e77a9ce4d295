/** Whom an application wants to get no mail, in its own words. */
import { PosthasteError, shown } from '../errors.ts';
import type { SuppressionEntry } from '../queue/suppression.ts';
import { instantOf, type Time } from './submit-options.ts';

/** What to suppress: an address or `@domain` alone, or with more about it. */
export type NewSuppression =
  | string
  | {
      /** An address, or `@domain` for all of a domain. */
      readonly target: string;
      /** Default: `asked`. */
      readonly reason?: string;
      /** Default: now. */
      readonly since?: Time;
      /** Default: for good. */
      readonly until?: Time;
      readonly note?: string;
    };

/** Throws OPTION_INVALID. */
export function entryOf(entry: NewSuppression): SuppressionEntry {
  if (typeof entry === 'string') return { target: entry };
  if (typeof entry !== 'object' || entry === null) throw noTarget(entry);
  const { since, until, ...rest } = entry;
  return {
    ...rest,
    ...(since !== undefined && { since: instantOf(since, 'since') }),
    ...(until !== undefined && { until: instantOf(until, 'until') }),
  };
}

/** Throws OPTION_INVALID where these are no texts. */
export function targetsOf(targets: string | readonly string[]): readonly string[] {
  const all = typeof targets === 'string' ? [targets] : targets;
  if (!Array.isArray(all)) throw noTarget(targets);
  for (const target of all) if (typeof target !== 'string') throw noTarget(target);
  return all;
}

function noTarget(value: unknown): PosthasteError {
  return new PosthasteError('OPTION_INVALID', `Suppression is asked for ${shown(value)}: give an address or @domain.`);
}
