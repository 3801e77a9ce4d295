/** What happened to a message, in order, from what is kept of it. Pure. */
import type { Reply } from '../mail/reply.ts';
import type { Attempt, Delivery } from '../queue/delivery.ts';
import type { Found } from '../queue/store.ts';
import { replyView } from '../queue/view.ts';

type Kind = 'submitted' | Attempt['outcome'] | 'held' | 'suppressed' | 'bounced' | 'cancelled' | 'expires';

function entry(
  at: number,
  kind: Kind,
  of: Delivery | undefined,
  more: { reply?: Reply | null; relay?: string; durationMs?: number } = {},
) {
  return {
    at,
    kind,
    ordinal: of?.ordinal ?? null,
    recipient: of?.recipient ?? null,
    relay: more.relay ?? null,
    durationMs: more.durationMs ?? null,
    reply: replyView(more.reply ?? null),
  };
}

export type TimelineEntry = ReturnType<typeof entry>;

/** Oldest first. `expires` lies in the future: it is given up then. */
export function timelineOf({ message, deliveries, attempts }: Found): readonly TimelineEntry[] {
  const named = new Map(deliveries.map((delivery) => [delivery.ordinal, delivery]));
  const tried = attempts.map(({ startedAt, outcome, ordinal, ...more }) =>
    entry(startedAt, outcome, named.get(ordinal), more),
  );
  const all = [entry(message.createdAt, 'submitted', undefined), ...tried, ...deliveries.flatMap(standing)];
  return all.toSorted((a, b) => a.at - b.at);
}

/** What became of it without an attempt, or in the end; an attempt's own end is told already. */
function standing(delivery: Delivery): readonly TimelineEntry[] {
  const { state, reason, changedAt, expiresAt, lastReply } = delivery;
  if (state === 'queued') return [entry(expiresAt, 'expires', delivery)];
  if (state === 'held' || state === 'cancelled') return [entry(changedAt, state, delivery)];
  if (state !== 'bounced') return [];
  return [entry(changedAt, reason === 'suppressed' ? 'suppressed' : 'bounced', delivery, { reply: lastReply })];
}
