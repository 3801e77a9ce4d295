/** Why a delivery is not sent yet, in one sentence. */
import { printable, showReply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import { elapsed, relative } from '../runtime/elapsed.ts';
import { type Delivery, isOnDemand } from './delivery.ts';
import type { Reason } from './reason.ts';
import type { Node, RelayState } from './relay-store.ts';
import { suppressionIn } from './suppression.ts';

/** A worker that has not been seen for this long is taken to be gone, ms. */
const WORKER_SILENCE = 2 * 60_000;

/** How a process is called among the nodes; one to which no relay is set shows it, so that people learn why mail waits. */
export function roleOf(role: string, relayless: boolean): string {
  return relayless ? `${role}${RELAYLESS}` : role;
}

const RELAYLESS = ', no relay set';

/** How a process is called from when it has found the file of the queue damaged. */
export function damagedRole(role: string): string {
  return `${role}${DAMAGED}`;
}

const DAMAGED = ', finds the database damaged';

export function findsDamage({ role }: Pick<Node, 'role'>): boolean {
  return role.endsWith(DAMAGED);
}

/** It takes mail and leaves delivery to others. */
export function isTaker({ role }: Pick<Node, 'role'>): boolean {
  return role.startsWith(TAKER);
}

/** It captures mail, and sends none. */
export function isRelaylessNode({ role }: Pick<Node, 'role'>): boolean {
  return role.includes(RELAYLESS);
}

/** How a process calls itself that takes mail and leaves delivery to others. */
export const TAKER = 'serve, delivers nothing';

/** How a process calls itself that tries what is due once: it shows when the last run was. */
export const ONCE = 'work --once';

/** It has ended, as it was meant to, and counts as a worker for a while. */
export function isOnce({ role }: Pick<Node, 'role'>): boolean {
  return role.startsWith(ONCE);
}

/** True while some worker shows that it lives. */
export function isWorked(nodes: readonly Node[], now: Instant): boolean {
  return nodes.some((node) => !isTaker(node) && isSeen(node, now));
}

/** The process has shown lately that it lives, and was not killed since. */
export function isSeen({ seenAt, gone }: Pick<Node, 'seenAt' | 'gone'>, now: Instant): boolean {
  return gone !== true && seenAt >= now - WORKER_SILENCE;
}

/** Where nobody works: what became of the worker that was seen last. */
export function absenceOf(nodes: readonly Node[], now: Instant): string {
  const last = nodes.filter((node) => !isTaker(node)).toSorted((a, b) => b.seenAt - a.seenAt)[0];
  if (last === undefined) return 'no worker has been seen';
  if (last.gone === true) return `no worker runs, as pid ${last.pid} on ${printable(last.host)} is gone`;
  return `no worker has been seen for ${elapsed(now - last.seenAt)}`;
}

/** What the settings say of a delivery's relay. */
export interface RelayPlan {
  /** False: they tell of relays, and this is none of them. */
  readonly known: boolean;
  /** Who sends its mail when it has failed for so long (ms). */
  readonly fallback: readonly string[];
  readonly failoverAfter: number;
}

/** What people must know of a delivery to say why it waits. */
export interface Situation {
  readonly delivery: Delivery;
  /** undefined: nothing is noted about it, so it is healthy. */
  readonly relay: RelayState | undefined;
  readonly nodes: readonly Node[];
  readonly now: Instant;
  readonly plan?: RelayPlan | undefined;
}

/** What stands first in the way of a queued delivery; `turn`: nothing but those before it. */
export type Obstacle =
  | 'paused'
  | 'unknown'
  | 'faulty'
  | 'workerless'
  | 'relayless'
  | 'limited'
  | 'resting'
  | 'demand'
  | 'time'
  | 'turn';

/** The first one; what would stand in the way behind it is not told. */
export function obstacleTo({ delivery, relay, nodes, now, plan }: Situation): Obstacle {
  if (relay !== undefined && relay.pausedAt !== null) return 'paused';
  if (plan?.known === false) return 'unknown';
  if (relay !== undefined && relay.faults > 0) return 'faulty';
  if (!isWorked(nodes, now)) return 'workerless';
  if (isRelayless(nodes, now)) return 'relayless';
  if ((relay?.limitedUntil ?? now) > now) return 'limited';
  if (isOnDemand(delivery)) return 'demand';
  const rest = relay?.pace?.restUntil ?? now;
  if (rest > now && rest >= delivery.dueAt) return 'resting';
  return delivery.dueAt > now ? 'time' : 'turn';
}

/** In one sentence. */
export function whyWaiting(
  delivery: Delivery,
  relay: RelayState | undefined,
  nodes: readonly Node[],
  now: Instant,
  plan?: RelayPlan,
): string {
  if (delivery.state === 'queued') return whyQueued({ delivery, relay, nodes, now, plan });
  if (delivery.state === 'held') return whyHeld(delivery, now);
  return whyNoMore(delivery, now);
}

const WHY: Readonly<Record<Obstacle, (situation: Situation) => string>> = {
  paused: ({ delivery, relay, now }) => {
    const by = relay?.pausedBy == null ? '' : ` by ${relay.pausedBy}`;
    return `The relay ${delivery.relay} was paused${by} ${relative(relay?.pausedAt ?? now, now)}, until somebody resumes it.`;
  },
  unknown: ({ delivery }) =>
    `The settings tell of no relay ${delivery.relay}: set it, or let posthaste reroute choose another one.`,
  faulty: whyFaulty,
  workerless: ({ nodes, now }) =>
    `${absenceOf(nodes, now).replace('no', 'No')}: start posthaste serve or posthaste work.`,
  relayless: () => 'It waits for its relay, and posthaste runs without one: start it with the relay set.',
  limited: ({ delivery, relay, now }) =>
    `The relay ${delivery.relay} gets no more before its rate allows it ${relative(relay?.limitedUntil ?? now, now)}.`,
  resting: ({ relay, now }) =>
    `${whatItSaid(relay, now)}: it gets a rest, and more mail ${relative(relay?.pace?.restUntil ?? now, now)}.`,
  demand: ({ delivery }) => whyOnDemand(delivery),
  time: ({ delivery, now }) => whyNotDue(delivery, now),
  turn: ({ relay, now }) => `It is due and waits for its turn.${whySlow(relay, now)}`,
};

function whatItSaid(relay: RelayState | undefined, now: Instant): string {
  const said = relay?.pace == null ? '' : ` ${relative(relay.pace.slowedAt, now)} (${showReply(relay.pace.reply)})`;
  return `The relay ${relay?.relay} said that it was too much${said}`;
}

function whySlow(relay: RelayState | undefined, now: Instant): string {
  if (relay?.pace == null) return '';
  return ` ${whatItSaid(relay, now)}, so its connections are no more than ${relay.pace.connections} until mail has succeeded for a while.`;
}

function whyQueued(situation: Situation): string {
  const doubt = situation.delivery.inDoubt
    ? 'It is in doubt: an attempt ended before the relay answered, so it may have arrived. '
    : '';
  return doubt + WHY[obstacleTo(situation)](situation);
}

function whyFaulty({ delivery, relay, now, plan }: Situation): string {
  const since = now - (relay?.faultSince ?? now);
  const last = relay?.lastFault == null ? '' : ` (${showReply(relay.lastFault)})`;
  const probeAt = relay?.probeAt ?? now;
  const next = probeAt > now ? `; it is tried again ${relative(probeAt, now)}` : '; it is being tried again';
  return `The relay ${delivery.relay} has failed for ${elapsed(since)}${last}${next}.${standIn(delivery, since, now, plan)}`;
}

function standIn({ inDoubt }: Delivery, failing: number, now: Instant, plan: RelayPlan | undefined): string {
  if (plan === undefined || plan.fallback.length === 0) return '';
  const others = plan.fallback.join(' or ');
  if (inDoubt) return ` Because it is in doubt, ${others} must not send it.`;
  const wait = plan.failoverAfter - failing;
  return wait > 0
    ? ` ${others} sends it ${relative(now + wait, now)} if that lasts.`
    : ` ${others} may send it instead.`;
}

/** Mail for a relay is not captured by those who know no relay: it waits for one that does. */
function isRelayless(nodes: readonly Node[], now: Instant): boolean {
  return nodes.filter((node) => isWorked([node], now)).every(isRelaylessNode);
}

function whyOnDemand({ priority, lastReply }: Delivery): string {
  if (priority === 'deferred') return 'Its priority is deferred: it waits until somebody retries it.';
  const last = lastReply === null ? '' : ` (${showReply(lastReply)})`;
  return `The last attempt did not succeed${last}; retries are manual, so it waits until somebody retries it.`;
}

function whyNotDue({ attempts, dueAt, lastReply }: Delivery, now: Instant): string {
  if (attempts === 0 && lastReply === null) return `It is to be sent ${relative(dueAt, now)}, not before.`;
  const last = lastReply === null ? '' : ` (${showReply(lastReply)})`;
  return `The last attempt did not succeed${last}; the next one is due ${relative(dueAt, now)}.`;
}

function whyHeld({ reason, changedAt, lastReply }: Delivery, now: Instant): string {
  const since = relative(changedAt, now);
  if (reason === 'doubt')
    return `It was held ${since} because it is in doubt: it may have arrived; release sends it again.`;
  if (reason === 'error')
    return `It was held ${since} because of an error${lastReply === null ? '' : ` (${showReply(lastReply)})`}.`;
  if (reason === 'not-allowed')
    return `It was held ${since} because its recipient is not among those that the setting allow names; release sends it.`;
  if (reason === 'hold-all')
    return `It was held ${since} because the setting holdAll holds all mail; release sends it.`;
  return `An operator held it ${since}, until somebody releases it.`;
}

const BOUNCED: Readonly<Partial<Record<Reason, string>>> = {
  refused: 'it was refused',
  expired: 'its time was over',
  suppressed: 'its recipient is suppressed',
};

function whyNoMore({ state, reason, changedAt, lastReply }: Delivery, now: Instant): string {
  const since = relative(changedAt, now);
  const last = lastReply === null ? '' : ` (${showReply(lastReply)})`;
  if (state === 'sending') return `An attempt has been under way for ${elapsed(now - changedAt)}.`;
  if (state === 'sent') return `The relay took it ${since}${last}.`;
  if (state === 'captured') return `It was captured ${since}: no relay was set, so it stays here.`;
  if (state === 'cancelled') return `An operator cancelled it ${since}.`;
  const barred = reason === 'suppressed' ? suppressionIn(lastReply) : undefined;
  if (barred !== undefined) return `It was given up ${since}, never sent: its recipient is ${printable(barred)}.`;
  return `It was given up ${since} because ${BOUNCED[reason ?? 'refused'] ?? BOUNCED.refused}${last}.`;
}
