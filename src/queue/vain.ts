/** Mail that a relay defers again and again while it takes none: it takes connections, so it has no fault. Pure. */
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Deferred, RelayState } from './relay-store.ts';

export interface Vain {
  readonly relay: string;
  /** It took nothing since then, and by then the first of its mail that it defers had been submitted. */
  readonly since: Instant;
  /** What it said last. */
  readonly reply: Reply | null;
}

/** Greylisting takes one attempt, and one message alone may be its recipient's matter. */
export const SIGN = { attempts: 2, messages: 2 } as const;

/** `rows`: of this relay. Where it is stopped or failing, that says it already. */
export function vainOf(
  rows: readonly Deferred[],
  { relay, sentAt, pausedAt, faults }: Pick<RelayState, 'relay' | 'sentAt' | 'pausedAt' | 'faults'>,
): Vain | null {
  if (pausedAt !== null || faults > 0) return null;
  const tried = rows.filter(({ attempts, createdAt }) => attempts >= SIGN.attempts && createdAt > (sentAt ?? 0));
  if (new Set(tried.map(({ id }) => id)).size < SIGN.messages) return null;
  const last = tried.toSorted((a, b) => (b.lastAttemptAt ?? 0) - (a.lastAttemptAt ?? 0))[0];
  const first = Math.min(...tried.map(({ createdAt }) => createdAt));
  return { relay, since: Math.max(sentAt ?? 0, first), reply: last?.lastReply ?? null };
}
