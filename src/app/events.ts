/** What happens in a queue, as its watchers are told: plain values. */
import type { Delivery } from '../queue/delivery.ts';
import type { RelayState } from '../queue/relay-store.ts';
import type { Listed } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';

/** What became of one delivery. */
export type DeliveryEventType =
  /** It was submitted and is kept. */
  | 'submitted'
  /** The relay took responsibility. */
  | 'sent'
  /** Kept on purpose, with no relay to take it. */
  | 'captured'
  /** An attempt failed, another one follows at `delivery.dueAt`. */
  | 'deferred'
  /** The attempt ended before the answer, with its connection or its process: it may have arrived. Sent again, or held, as the settings say. */
  | 'inDoubt'
  /** Waits for `release`; `delivery.reason` tells why. */
  | 'held'
  /** Given up; `delivery.reason` and `delivery.lastReply` tell why. */
  | 'bounced'
  /** Given up because its recipient is suppressed. */
  | 'suppressed'
  | 'cancelled';

/** Something happened to one delivery. */
export interface DeliveryEvent {
  readonly type: DeliveryEventType;
  readonly at: Instant;
  /** The same for the same event, should it come twice. */
  readonly key: string;
  /** For `events({ after })`: what came after this. */
  readonly cursor: string;
  /** As it is now, with what people look for of its message. */
  readonly delivery: Listed;
}

/** `paused` and `resumed` by an operator, `failing` and `well` again by its faults, `slowed` because it said that it was too much. */
export type RelayEventChange = 'paused' | 'resumed' | 'failing' | 'well' | 'slowed' | 'atFullPace';

/** Something happened to a relay. */
export interface RelayEvent {
  readonly type: 'relay';
  /** When it was seen. */
  readonly at: Instant;
  readonly change: RelayEventChange;
  readonly relay: RelayState;
}

/** What `events` gives. */
export type QueueEvent = DeliveryEvent | RelayEvent;

/** What `queue.on` listens to: each type, and `event` for all of them. */
export type QueueEvents = { readonly [Type in DeliveryEventType]: [event: DeliveryEvent] } & {
  readonly relay: [event: RelayEvent];
  readonly event: [event: QueueEvent];
};

/** Their names. */
export const EVENTS = Object.keys({
  submitted: true,
  sent: true,
  captured: true,
  deferred: true,
  inDoubt: true,
  held: true,
  bounced: true,
  suppressed: true,
  cancelled: true,
  relay: true,
  event: true,
} satisfies Record<keyof QueueEvents, true>);

export function eventOf(type: DeliveryEventType, at: Instant, delivery: Listed): DeliveryEvent {
  return { type, at, key: `${delivery.id}:${delivery.ordinal}:${type}:${at}`, cursor: String(at), delivery };
}

/** undefined: nothing to tell of. What an operator puts back is due at once; the next attempt will be told. */
export function typeOf({ state, reason, inDoubt, dueAt, changedAt }: Delivery): DeliveryEventType | undefined {
  if (state === 'sending' || (state === 'queued' && dueAt <= changedAt && !inDoubt)) return undefined;
  if (state === 'queued') return inDoubt ? 'inDoubt' : 'deferred';
  if (state === 'held') return reason === 'doubt' ? 'inDoubt' : 'held';
  return state === 'bounced' && reason === 'suppressed' ? 'suppressed' : state;
}

/** What is different about a relay. */
export function relayChanges(before: RelayState | undefined, now: RelayState): RelayEventChange[] {
  const turn = (was: boolean, is: boolean, on: RelayEventChange, off: RelayEventChange): RelayEventChange[] =>
    was === is ? [] : [is ? on : off];
  return [
    ...turn((before?.pausedAt ?? null) !== null, now.pausedAt !== null, 'paused', 'resumed'),
    ...turn((before?.faults ?? 0) > 0, now.faults > 0, 'failing', 'well'),
    ...turn((before?.pace ?? null) !== null, now.pace !== null, 'slowed', 'atFullPace'),
  ];
}
