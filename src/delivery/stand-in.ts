/** When one relay sends in the place of another. Pure. */
import { isResting } from '../queue/pace.ts';
import type { RelayState } from '../queue/relay-store.ts';
import { LONGEST_PAUSE } from '../queue/schedule.ts';
import { type Instant, isAhead } from '../runtime/clock.ts';

/** A relay whose mail this one takes while it is down. */
export interface StandIn {
  readonly relay: string;
  /** Faults must have lasted this long, ms. */
  readonly after: number;
  /** Relays that stand in before this one does: it waits until they are down too. */
  readonly behind: readonly string[];
}

/** The relays in whose place `own` should send now; none in a pause for its own faults, while it rests, or is paused by an operator. */
export function placesToTake(
  own: string,
  standIns: readonly StandIn[],
  states: readonly RelayState[],
  now: Instant,
): readonly string[] {
  const stateOf = (relay: string): RelayState | undefined => states.find((state) => state.relay === relay);
  const isDown = (relay: string): boolean => (stateOf(relay)?.faults ?? 0) > 0 || stateOf(relay)?.pausedAt != null;
  const { pausedAt = null, probeAt = null, pace = null } = stateOf(own) ?? {};
  if (pausedAt !== null || isAhead(probeAt ?? 0, now, LONGEST_PAUSE) || isResting(pace, now)) return [];
  return standIns
    .filter(({ relay, after, behind }) => {
      const since = stateOf(relay)?.faultSince;
      return since != null && now - since >= after && behind.every(isDown);
    })
    .map(({ relay }) => relay);
}
