/** The short way of a new message: claimed as it is inserted, and given in memory to the worker of its relay. */
import type { Instant } from '../runtime/clock.ts';
import type { Delivery } from './delivery.ts';
import type { NewMessage } from './message.ts';
import type { Claim, Inserted, Take, Token } from './store.ts';

/** A worker that has room now and then. */
export interface Taker {
  /** What it would take of its relay's new messages; null when it is busy, or does not know its relay to be well. */
  offer(): Take | null;
  /** What came of an offer, once for each, also when nothing did. */
  take(claims: readonly Claim[]): void;
}

/** What is asked of the store with an insert, and who asked. */
export class HandOver {
  readonly #takers: Taker[] = [];
  readonly takes: Take[] = [];

  constructor(takers: Iterable<Taker>) {
    for (const taker of takers) {
      const take = taker.offer();
      if (take === null) continue;
      this.#takers.push(taker);
      this.takes.push(take);
    }
  }

  /** Gives each worker what was claimed for it: nothing, when the insert failed. */
  give(messages: readonly NewMessage[], inserted: readonly Inserted[], now: Instant): void {
    const claims = messages.flatMap((message, i) => {
      const token = inserted[i]?.token;
      return token === undefined ? [] : [claimOf(message, token, now)];
    });
    this.#takers.forEach((taker, i) => {
      const relay = this.takes[i]?.relay;
      taker.take(claims.filter((claim) => claim.deliveries[0]?.relay === relay));
    });
  }
}

/** As the store would give it. */
function claimOf({ message, deliveries, content }: NewMessage, token: Token, now: Instant): Claim {
  const sending = deliveries.map((delivery, i): Delivery => {
    const { recipient, notify, originalRecipient, relay, dueAt, expiresAt, delayReportAt } = delivery;
    return {
      id: message.id,
      ordinal: i + 1,
      recipient,
      notify,
      originalRecipient,
      relay,
      state: 'sending',
      reason: null,
      priority: message.priority,
      createdAt: message.createdAt,
      dueAt,
      expiresAt,
      attempts: 1,
      lastReply: null,
      lastAttemptAt: null,
      inDoubt: false,
      delayReportAt,
      delayReported: false,
      changedAt: now,
    };
  });
  return { token, message, deliveries: sending, content: 'bytes' in content ? content.bytes : undefined };
}
