/** Who is to blame for a fault that came in the transaction of one message: the relay, or that message. Pure. */
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';

/** A message in whose own transaction the relay had a fault. */
export interface Suspect {
  readonly id: Id;
  /** The last such fault. */
  readonly at: Instant;
}

/** What the faults of a relay say about messages. */
export interface Suspicion {
  /** The latest last. */
  readonly suspects: readonly Suspect[];
  /** Among the faults since the last success is one that came before any transaction. */
  readonly faultForAll: boolean;
  readonly faults: number;
  readonly faultSince: Instant | null;
  /** When other mail ended faults the last time. */
  readonly mendedAt: Instant | null;
}

/** So many are remembered. */
const MOST = 50;
/** What no more messages than these have met may be their doing; others need not wait for its end. */
const FEW = 3;

/** The relay took other mail after this message had met a fault, and has no fault now: then a further one is the message's. */
export function isToBlame({ suspects, faults, mendedAt }: Suspicion, id: Id): boolean {
  const before = suspects.find((suspect) => suspect.id === id);
  return before !== undefined && faults === 0 && mendedAt !== null && before.at <= mendedAt;
}

export function withSuspect(suspects: readonly Suspect[], id: Id, at: Instant): readonly Suspect[] {
  return [...suspects.filter((suspect) => suspect.id !== id), { id, at }].slice(-MOST);
}

/** Messages that have not met the fault may probe at once: so far only few have. */
export function isFewMessages({ suspects, faultForAll, faultSince }: Suspicion): boolean {
  if (faultForAll || faultSince === null) return false;
  return suspects.filter(({ at }) => at >= faultSince).length <= FEW;
}
