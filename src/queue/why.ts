/** Why a delivery is not sent yet, in one sentence. */
import { showReply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import { elapsed, relative } from '../runtime/elapsed.ts';
import type { Delivery, Reason } from './delivery.ts';
import type { Node, RelayState } from './store.ts';

/** A worker that has not been seen for this long is taken to be gone, ms. */
const WORKER_SILENCE = 2 * 60_000;

/** The time at which a worker was last seen; null when there is no trace of any. */
export function lastSeen(nodes: readonly Node[]): Instant | null {
  return nodes.length === 0 ? null : Math.max(...nodes.map((node) => node.seenAt));
}

/** True while some worker shows that it lives. */
export function isWorked(nodes: readonly Node[], now: Instant): boolean {
  return (lastSeen(nodes) ?? Number.NEGATIVE_INFINITY) >= now - WORKER_SILENCE;
}

/** The first thing that stands in the way; what would stand in the way behind it is not told. */
export function whyWaiting(
  delivery: Delivery,
  relay: RelayState | undefined,
  nodes: readonly Node[],
  now: Instant,
): string {
  if (delivery.state === 'queued') return whyQueued(delivery, relay, nodes, now);
  if (delivery.state === 'held') return whyHeld(delivery, now);
  return whyNoMore(delivery, now);
}

function whyQueued(delivery: Delivery, relay: RelayState | undefined, nodes: readonly Node[], now: Instant): string {
  const doubt = delivery.inDoubt
    ? 'It is in doubt: the last connection broke before the relay answered, so it may have arrived. '
    : '';
  return doubt + (whyRelay(relay, now) ?? whyNobody(nodes, now) ?? whyNotDue(delivery, now));
}

function whyRelay(relay: RelayState | undefined, now: Instant): string | undefined {
  if (relay === undefined) return undefined;
  if (relay.pausedAt !== null) {
    const by = relay.pausedBy === null ? '' : ` by ${relay.pausedBy}`;
    return `The relay ${relay.relay} was paused${by} ${relative(relay.pausedAt, now)}, until somebody resumes it.`;
  }
  if (relay.faults === 0) return undefined;
  const since = elapsed(now - (relay.faultSince ?? now));
  const last = relay.lastFault === null ? '' : ` (${showReply(relay.lastFault)})`;
  const next =
    relay.probeAt !== null && relay.probeAt > now
      ? `; it is tried again ${relative(relay.probeAt, now)}`
      : '; it is being tried again';
  return `The relay ${relay.relay} has failed for ${since}${last}${next}.`;
}

function whyNobody(nodes: readonly Node[], now: Instant): string | undefined {
  if (isWorked(nodes, now)) return undefined;
  const seen = lastSeen(nodes);
  return `No worker has been seen${seen === null ? '' : ` for ${elapsed(now - seen)}`}: start posthaste serve or posthaste work.`;
}

function whyNotDue({ attempts, dueAt, priority, lastReply }: Delivery, now: Instant): string {
  if (priority === 'deferred') return 'Its priority is deferred: it waits until somebody retries it.';
  if (dueAt <= now) return 'It is due and waits for its turn.';
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
  if (state === 'sending') return `An attempt is under way since ${elapsed(now - changedAt)}.`;
  if (state === 'sent') return `The relay took it ${since}${last}.`;
  if (state === 'captured') return `It was captured ${since}: no relay was set, so it stays here.`;
  if (state === 'cancelled') return `An operator cancelled it ${since}.`;
  return `It was given up ${since} because ${BOUNCED[reason ?? 'refused'] ?? BOUNCED.refused}${last}.`;
}
