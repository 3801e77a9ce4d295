/** When a queued delivery is tried next, as far as anybody can tell: what its due time says, and what stands in the way. */
import type { Instant } from '../runtime/clock.ts';
import { relative } from '../runtime/elapsed.ts';
import { isOnDemand } from './delivery.ts';
import { type Obstacle, obstacleTo, type Situation } from './why.ts';

export interface NextTry {
  readonly obstacle: Obstacle;
  /** null: not before somebody does something. It may lie in the past: then it is tried as soon as its turn comes. */
  readonly at: Instant | null;
}

export function nextTry(situation: Situation): NextTry {
  const obstacle = obstacleTo(situation);
  return { obstacle, at: timeOf(obstacle, situation) };
}

function timeOf(obstacle: Obstacle, situation: Situation): Instant | null {
  const { delivery, relay, now } = situation;
  // Behind any other obstacle it would wait for somebody, too.
  if (isOnDemand(delivery)) return null;
  if (obstacle === 'faulty') return Math.max(delivery.dueAt, afterFaults(situation));
  if (obstacle === 'resting') return Math.max(delivery.dueAt, relay?.pace?.restUntil ?? now);
  if (obstacle === 'limited') return Math.max(delivery.dueAt, relay?.limitedUntil ?? now);
  return obstacle === 'time' || obstacle === 'turn' ? delivery.dueAt : null;
}

/** The relay's probe, or the time from which another relay may stand in for it. */
function afterFaults({ delivery, relay, now, plan }: Situation): Instant {
  const probe = relay?.probeAt ?? now;
  if (plan === undefined || plan.fallback.length === 0 || delivery.inDoubt) return probe;
  return Math.min(probe, (relay?.faultSince ?? now) + plan.failoverAfter);
}

const WORDS: Readonly<Partial<Record<Obstacle, string>>> = {
  paused: 'paused',
  unknown: 'no relay',
  workerless: 'no worker',
  relayless: 'no relay',
};

/** Short enough for a column: `now`, `in 5m`, `paused`. */
export function nextWord({ obstacle, at }: NextTry, now: Instant): string {
  if (at === null) return WORDS[obstacle] ?? 'on demand';
  return at <= now ? 'now' : relative(at, now);
}
