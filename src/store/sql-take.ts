/** New messages that are claimed in the transaction that keeps them, where a claim right after it would have given them. */
import type { NewMessage } from '../queue/message.ts';
import type { Take } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Dialect } from './dialect.ts';
import { CLAIMED, priorityNumber } from './rows.ts';
import { lookAt } from './sql-relays.ts';
import { ask, type Steps } from './steps.ts';

/** Which of the messages each worker takes. `clear`: nobody on the list of suppressions is among its recipients. */
export function* takenAmong(
  dialect: Dialect,
  messages: readonly NewMessage[],
  takes: readonly Take[],
  clear: (message: NewMessage) => boolean,
  now: Instant,
): Steps<ReadonlyMap<Id, Take>> {
  const taken = new Map<Id, Take>();
  for (const take of takes) {
    if (yield* isShut(dialect, take.relay, now)) continue;
    let room = take.limit;
    for (const each of inOrder(messages, take.relay, now)) {
      room -= each.deliveries.length;
      // Behind one that waits all others wait, or they would overtake it.
      if (room < 0 || !fits(each, take.relay, now) || !clear(each)) break;
      taken.set(each.message.id, take);
    }
  }
  return taken;
}

/** Paused, faulty, or with something waiting that goes first. */
function* isShut({ isQueued }: Dialect, relay: string, now: Instant): Steps<boolean> {
  if ((yield* lookAt({ relay, now })).gate !== 'open') return true;
  const one = `SELECT 1 FROM posthaste_deliveries WHERE ${isQueued} AND relay = ? AND priority = ? AND due_at <= ?`;
  const sql = `SELECT 1 AS waits WHERE ${CLAIMED.map(() => `EXISTS (${one})`).join(' OR ')}`;
  const values = CLAIMED.flatMap((priority) => [relay, priority, now]);
  return (yield* ask(sql, values)).rows.length > 0;
}

/** Those with something for the relay that a claim would take now, the most urgent first. */
function inOrder(messages: readonly NewMessage[], relay: string, now: Instant): readonly NewMessage[] {
  const due = messages.filter(({ message, deliveries }) => {
    if (message.priority === 'deferred') return false;
    return deliveries.some((delivery) => delivery.relay === relay && delivery.held === null && delivery.dueAt <= now);
  });
  const urgency = ({ message }: NewMessage): number => priorityNumber(message.priority);
  return due.toSorted((a, b) => urgency(a) - urgency(b));
}

/** The whole message goes to this relay now, in one piece. */
function fits({ deliveries, content }: NewMessage, relay: string, now: Instant): boolean {
  if (!('bytes' in content)) return false;
  return deliveries.every((each) => {
    return each.relay === relay && each.held === null && each.dueAt <= now && each.expiresAt > now;
  });
}
