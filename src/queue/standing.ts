/** How a relay stands, in one word. Pure. */
import type { Instant } from '../runtime/clock.ts';
import { type Health, isFailing, longVainOf } from './health.ts';
import type { RelayState } from './relay-store.ts';

export const STANDINGS = ['fine', 'paused', 'failing', 'deferring', 'limited', 'resting', 'slowed'] as const;

/** The first thing that is to be said of it. `state` is undefined where nothing is noted about it. */
export function standingOf(state: RelayState | undefined, health: Health): (typeof STANDINGS)[number] {
  if (state === undefined) return 'fine';
  const lies = (at: Instant | null | undefined): boolean => (at ?? health.now) > health.now;
  if (state.pausedAt !== null) return 'paused';
  if (isFailing(state, health)) return 'failing';
  if (longVainOf(state.relay, health) !== undefined) return 'deferring';
  if (lies(state.limitedUntil)) return 'limited';
  if (lies(state.pace?.restUntil)) return 'resting';
  return state.pace === null ? 'fine' : 'slowed';
}
