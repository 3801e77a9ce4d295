/** A time on the page: short to read, exact to those who point at it, and as it is for machines. */
import { useSyncExternalStore } from 'react';
import { formatExact, formatRelative, formatShortTime } from './time.ts';

/** So often relative times are told anew, ms. */
const TICK = 10_000;

const watchers = new Set<() => void>();
let now = Date.now();
setInterval(() => {
  now = Date.now();
  for (const changed of watchers) changed();
}, TICK);

function watch(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

/** The time, which goes on by itself; what happened since it was told last is not to come. */
export function useNow(): number {
  return Math.max(
    useSyncExternalStore(watch, () => now),
    Date.now(),
  );
}

/** `relative`: 3 min. ago. `short`: the time of today, or the day. `exact`: with seconds. */
export function Moment({ at, as = 'relative' }: { readonly at: number; readonly as?: 'relative' | 'short' | 'exact' }) {
  const present = useNow();
  const forms = { relative: formatRelative, short: formatShortTime, exact: formatExact };
  return (
    <time dateTime={new Date(at).toISOString()} title={as === 'exact' ? undefined : formatExact(at)}>
      {forms[as](at, present)}
    </time>
  );
}
