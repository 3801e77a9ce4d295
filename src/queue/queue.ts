/** The queue: submission made durable, and what an operator may do to what waits. */

import { PosthasteError } from '../errors.ts';
import { mailboxKey } from '../mail/address.ts';
import type { Envelope, Recipient } from '../mail/envelope.ts';
import { Batch } from '../runtime/batch.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import { type Id, newId } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import { HandOver, type Taker } from './hand-over.ts';
import type { Message, NewContent, NewDelivery, NewMessage, Origin, Priority } from './message.ts';
import type { Router } from './route.ts';
import { noSafeguard, type Safeguard, type Safeguarded } from './safety.ts';
import { overrideFault, type RetryOverride, type RetryPolicy } from './schedule.ts';
import { wants } from './settle.ts';
import type { Filter, Found, Inserted, Page, Store } from './store.ts';

/** A message that passed the checks of `accept`, ready to be kept. */
export interface Draft {
  /** From `queue.newId()`: it stands in the Received field already, and staged chunks are filed under it. */
  readonly id: Id;
  readonly envelope: Envelope;
  readonly content: NewContent;
  /** Octets. */
  readonly size: number;
  readonly eightBit: boolean;
  /** With angle brackets. */
  readonly messageId: string;
  readonly subject: string | null;
  readonly origin: Origin;
  readonly priority?: Priority;
  /** Not before this time. */
  readonly sendAt?: Instant;
  /** Useless after this time. */
  readonly expiresAt?: Instant;
  readonly key?: string;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** In place of the relay's retry policy. `expiresAt` goes before its `maxAge`. */
  readonly retry?: RetryOverride;
  readonly reportOn?: Id;
  readonly held?: boolean;
  /** The decoded values of the header fields that routes ask for, names in lower case. */
  readonly headers?: ReadonlyMap<string, string>;
}

/** How long mail may wait before its sender is told, and before it is given up. */
type Patience = Pick<RetryPolicy, 'maxAge' | 'delayReportAfter'>;

export interface QueueOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly router: Router;
  readonly policy: RetryPolicy;
  /** By relay, where it is not that of the policy. */
  readonly patience?: ReadonlyMap<string, Patience>;
  /** Of all mail, reports too: a test system writes under the addresses of people. Default: all recipients as they are. */
  readonly safeguard?: Safeguard;
}

/** Messages in one insert: enough to share a sync widely, few enough to keep its latency low. */
const MAX_BATCH = 200;

export class Queue {
  readonly #workListeners = new Set<() => void>();
  readonly #takers = new Set<Taker>();
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #router: Router;
  readonly #policy: RetryPolicy;
  readonly #patience: ReadonlyMap<string, Patience>;
  readonly #safeguard: Safeguard;
  readonly #inserts: Batch<NewMessage, Inserted>;

  constructor(options: QueueOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#router = options.router;
    this.#policy = options.policy;
    this.#patience = options.patience ?? new Map();
    this.#safeguard = options.safeguard ?? noSafeguard;
    this.#inserts = new Batch((messages) => this.#insert(messages), { maxItems: MAX_BATCH });
  }

  /** Calls back whenever this process made work: something was submitted, released or put back, or a relay resumed. Returns the way to end that. */
  onWork(listener: () => void): () => void {
    this.#workListeners.add(listener);
    return () => this.#workListeners.delete(listener);
  }

  /** New messages go straight to a worker of this process when it offers to take them. Returns the way to end that. */
  onTake(taker: Taker): () => void {
    this.#takers.add(taker);
    return () => this.#takers.delete(taker);
  }

  /** For parts that put work into the store past this queue: reports, reclaimed deliveries, what waits for its next attempt. */
  announceWork(): void {
    for (const listener of this.#workListeners) listener();
  }

  newId(): Id {
    return newId(this.#clock.now());
  }

  /** Resolves when the message is durable: after this, and only after it, may anybody be told that it was accepted. */
  async submit(draft: Draft): Promise<Inserted> {
    const message = this.compose(draft);
    const { id, duplicate, token } = await this.#inserts.add(message);
    if (!duplicate) {
      this.#logAccepted(message);
      if (token === undefined) this.announceWork();
    }
    return { id, duplicate };
  }

  async #insert(messages: readonly NewMessage[]): Promise<readonly Inserted[]> {
    const now = this.#clock.now();
    const handOver = new HandOver(this.#takers);
    let inserted: readonly Inserted[] = [];
    try {
      inserted = await this.#store.insert(messages, now, handOver.takes);
    } finally {
      // Those who wait for their 250 come first: what it takes to hand the messages over would be added to their wait.
      setImmediate(() => handOver.give(messages, inserted, now));
    }
    return inserted;
  }

  /**
   * What `submit` keeps for a draft: the message, and one delivery for each recipient with its relay and times. Throws NO_RECIPIENTS
   * and RETRY_INVALID.
   */
  compose(draft: Draft): NewMessage {
    const now = this.#clock.now();
    if (draft.envelope.recipients.length === 0) {
      throw new PosthasteError('NO_RECIPIENTS', 'The message has no recipients: name at least one in to, cc or bcc.');
    }
    const fault = draft.retry && overrideFault(draft.retry);
    if (fault !== undefined) throw new PosthasteError('RETRY_INVALID', fault);
    const safe = this.#safeguard(once(draft.envelope.recipients));
    const message: Message = {
      id: draft.id,
      createdAt: now,
      sender: draft.envelope.sender,
      messageId: draft.messageId,
      subject: draft.subject,
      size: draft.size,
      eightBit: draft.eightBit,
      smtputf8: draft.envelope.smtputf8,
      ret: draft.envelope.ret ?? null,
      envelopeId: draft.envelope.envelopeId ?? null,
      priority: draft.priority ?? 'medium',
      origin: draft.origin,
      reportOn: draft.reportOn ?? null,
      key: draft.key ?? null,
      tags: draft.tags ?? [],
      metadata: { ...draft.metadata, ...safe.metadata },
      retry: draft.retry ?? null,
    };
    return { message, deliveries: this.#deliveries(draft, safe, now), content: draft.content };
  }

  #deliveries(draft: Draft, { recipients }: Safeguarded, now: Instant): NewDelivery[] {
    const dueAt = Math.max(now, draft.sendAt ?? now);
    const facts = { ...(draft.tags && { tags: draft.tags }), ...(draft.headers && { headers: draft.headers }) };
    return recipients.map(({ recipient, held }) => {
      const relay = this.#router(recipient.address, draft.envelope, facts);
      const { maxAge, delayReportAfter } = { ...(this.#patience.get(relay) ?? this.#policy), ...draft.retry };
      const tells = delayReportAfter !== null && draft.envelope.sender !== null;
      const notify = recipient.notify ?? null;
      return {
        recipient: recipient.address,
        notify,
        originalRecipient: recipient.originalRecipient ?? null,
        relay,
        dueAt,
        expiresAt: draft.expiresAt ?? dueAt + maxAge,
        delayReportAt: tells && wants({ notify }, 'delay') ? dueAt + delayReportAfter : null,
        held: draft.held === true ? 'operator' : held,
      };
    });
  }

  /** Keeps a chunk of a content too large for memory; `sequence` counts from 0. Durable when it resolves. */
  stage(id: Id, sequence: number, bytes: Uint8Array): Promise<void> {
    return this.#store.stage(id, sequence, bytes, this.#clock.now());
  }

  unstage(id: Id): Promise<void> {
    return this.#store.unstage(id);
  }

  hold(filter: Filter, dryRun = false): Promise<number> {
    return this.#move({ states: ['queued'], ...filter }, 'held', dryRun);
  }

  /** held -> queued, due at once. */
  release(filter: Filter, dryRun = false): Promise<number> {
    return this.#move({ ...filter, states: ['held'] }, 'queued', dryRun);
  }

  /** Due at once: what waits for its next attempt, and what had been given up, captured or cancelled where the filter names such states. */
  retry(filter: Filter, dryRun = false): Promise<number> {
    return this.#move({ states: ['queued'], ...filter }, 'queued', dryRun);
  }

  cancel(filter: Filter, dryRun = false): Promise<number> {
    return this.#move({ states: ['queued', 'held'], ...filter }, 'cancelled', dryRun);
  }

  async #move(filter: Filter, to: 'queued' | 'held' | 'cancelled', dryRun: boolean): Promise<number> {
    const now = this.#clock.now();
    const { maxAge, delayReportAfter } = this.#policy;
    const moved = await this.#store.move(filter, to, {
      now,
      expiresAt: now + maxAge,
      ...(delayReportAfter !== null && { delayReportAt: now + delayReportAfter }),
      dryRun,
    });
    if (moved > 0 && !dryRun) {
      this.#log.info({ to, deliveries: moved }, 'moved by operator');
      this.announceWork();
    }
    return moved;
  }

  async pauseRelay(relay: string, by: string): Promise<void> {
    await this.#store.pauseRelay(relay, { at: this.#clock.now(), by });
  }

  async resumeRelay(relay: string): Promise<void> {
    await this.#store.pauseRelay(relay, null);
    this.announceWork();
  }

  get(id: Id): Promise<Found | null> {
    return this.#store.get(id);
  }

  find(filter: Filter, page: { readonly limit: number; readonly cursor?: string }): Promise<Page> {
    return this.#store.find(filter, page);
  }

  /** The content in chunks; nothing when it is gone. */
  async *content(id: Id): AsyncGenerator<Uint8Array, void> {
    for (let sequence = 0; ; sequence++) {
      const chunk = await this.#store.contentChunk(id, sequence);
      if (chunk === null) return;
      yield chunk;
    }
  }

  #logAccepted({ message, deliveries }: NewMessage): void {
    this.#log.info(
      {
        id: message.id,
        from: message.sender ?? '<>',
        to: deliveries.length === 1 ? deliveries[0]?.recipient : deliveries.map((delivery) => delivery.recipient),
        size: message.size,
        messageId: message.messageId,
        by: message.origin,
      },
      'accepted',
    );
  }
}

/** One that is named twice gets one copy, as it was named first. */
function once(recipients: readonly Recipient[]): readonly Recipient[] {
  const seen = new Map<string, Recipient>();
  for (const recipient of recipients) {
    const key = mailboxKey(recipient.address);
    if (!seen.has(key)) seen.set(key, recipient);
  }
  return [...seen.values()];
}
