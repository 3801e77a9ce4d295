/** Mail that is tried again and again while none is sent: a relay that takes connections and defers every message has no fault. Pure. */
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Listed, RelayState } from './store.ts';

export interface Vain {
  /** Nothing was sent since then, and by then the first of it had been submitted. */
  readonly since: Instant;
  /** What was said last. */
  readonly reply: Reply | null;
}

/** Greylisting takes one, and one message alone may be its recipient's matter. */
const ATTEMPTS = 2;
const MESSAGES = 2;

/** `rows`: deferred deliveries that were submitted after `lastSent`. Where the relay is stopped or failing, that says it already. */
export function vainOf(
  rows: readonly Pick<Listed, 'id' | 'relay' | 'attempts' | 'createdAt' | 'lastAttemptAt' | 'lastReply'>[],
  lastSent: Instant | null,
  relays: readonly Pick<RelayState, 'relay' | 'pausedAt' | 'faults'>[],
): Vain | null {
  const explained = new Set(
    relays.filter(({ pausedAt, faults }) => pausedAt !== null || faults > 0).map((r) => r.relay),
  );
  const tried = rows.filter(({ relay, attempts }) => attempts >= ATTEMPTS && !explained.has(relay));
  if (new Set(tried.map(({ id }) => id)).size < MESSAGES) return null;
  const last = tried.toSorted((a, b) => (b.lastAttemptAt ?? 0) - (a.lastAttemptAt ?? 0))[0];
  const first = Math.min(...tried.map(({ createdAt }) => createdAt));
  return { since: Math.max(lastSent ?? 0, first), reply: last?.lastReply ?? null };
}
