/** The queue: submission made durable, and what an operator may do to what waits. */

import { PosthasteError } from '../errors.ts';
import { mailboxKey } from '../mail/address.ts';
import type { Envelope, Recipient } from '../mail/envelope.ts';
import { Batch } from '../runtime/batch.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import { type Id, newId } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import { noTracing, type TraceContext, type Tracing } from '../runtime/tracing.ts';
import { checkEnvelope } from './envelope-check.ts';
import { HandOver, type Taker } from './hand-over.ts';
import type { Message, NewContent, NewDelivery, NewMessage, Origin, Priority } from './message.ts';
import type { Router } from './route.ts';
import { noSafeguard, type Safeguard, type Safeguarded } from './safety.ts';
import { overrideFault, type RetryOverride, type RetryPolicy } from './schedule.ts';
import { wants } from './settle.ts';
import type { Filter, Found, Inserted, Page, PageRequest, Store, Suppression } from './store.ts';
import { entryFault, type SuppressionEntry, suppressionOf } from './suppression.ts';
import { submissionEnd, submissionStart } from './trace.ts';

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
  /** What a second message with the key must have given to be the same. */
  readonly keyDigest?: Uint8Array;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** In place of the relay's retry policy. `expiresAt` goes before its `maxAge`. */
  readonly retry?: RetryOverride;
  readonly reportOn?: Id;
  readonly held?: boolean;
  /** Default: that of the queue. */
  readonly keepContent?: boolean;
  /** In place of the routes. */
  readonly relay?: string;
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
  /** Whether contents stay when all has been sent. Default true. */
  readonly keepContent?: boolean;
  /** Default: nobody traces. */
  readonly tracing?: Tracing;
}

/** Messages in one insert: enough to share a sync widely, few enough to keep its latency low. */
const MAX_BATCH = 200;
/** Received fields of ours that are looked up: mail that comes back at once has its own as the latest. */
const MAX_TRACES = 3;
/** Suppressions in one transaction or page: submissions go between them. */
const SUPPRESS_BATCH = 500;

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
  readonly #keepContent: boolean;
  readonly #tracing: Tracing;
  readonly #inserts: Batch<NewMessage, Inserted>;
  /** A key may be one that a transaction of an application's has and has not committed: whoever waits for that is to wait without the others. */
  readonly #keyed: Batch<NewMessage, Inserted>;

  constructor(options: QueueOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#router = options.router;
    this.#policy = options.policy;
    this.#patience = options.patience ?? new Map();
    this.#safeguard = options.safeguard ?? noSafeguard;
    this.#keepContent = options.keepContent ?? true;
    this.#tracing = options.tracing ?? noTracing;
    this.#inserts = new Batch((messages) => this.#insert(messages), { maxItems: MAX_BATCH });
    this.#keyed = new Batch((messages) => this.#insert(messages), { maxItems: MAX_BATCH });
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

  /** A message that was composed here has come into the store by a transaction of the application's. */
  committed(message: Pick<NewMessage, 'message' | 'deliveries'>): void {
    this.#logAccepted(message);
    this.announceWork();
  }

  newId(): Id {
    return newId(this.#clock.now());
  }

  /** Resolves when the message is durable: after this, and only after it, may anybody be told that it was accepted. */
  submit(draft: Draft): Promise<Inserted> {
    return this.traced(draft, (message) => this.#keep(message));
  }

  /** Composes a draft and has it kept, in a span whose context goes with the message. */
  traced(draft: Draft, keep: (message: NewMessage) => Promise<Inserted>): Promise<Inserted> {
    return this.#tracing.produce(submissionStart(draft), async (span) => {
      const inserted = await keep(this.compose(draft, span.context));
      span.end(submissionEnd(inserted));
      return inserted;
    });
  }

  async #keep(message: NewMessage): Promise<Inserted> {
    const batch = message.message.key === null ? this.#inserts : this.#keyed;
    const { token, ...inserted } = await batch.add(message);
    if (!inserted.duplicate) {
      this.#logAccepted(message);
      if (inserted.suppressed !== undefined) this.#logSuppressed(message, inserted.suppressed);
      if (token === undefined) this.announceWork();
    }
    return inserted;
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
   * What `submit` keeps for a draft: the message, and one delivery for each recipient with its relay and times. `trace`: what its attempts
   * are traced below. Throws RETRY_INVALID, and as `checkEnvelope`.
   */
  compose(draft: Draft, trace: TraceContext | null = null): NewMessage {
    const now = this.#clock.now();
    checkEnvelope(draft.envelope);
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
      keepContent: draft.keepContent ?? this.#keepContent,
      trace,
    };
    const { content, keyDigest } = draft;
    const deliveries = this.#deliveries(draft, safe, now);
    return { message, deliveries, content, ...(keyDigest !== undefined && { keyDigest }) };
  }

  /**
   * The relay by which one of the messages `ids` is being sent to a recipient of this draft, and by which the draft would go to the same
   * one: then that relay leads back to us. null: none does.
   */
  async relayOfLoop(draft: Draft, ids: readonly Id[]): Promise<string | null> {
    const wayOf = (each: { readonly recipient: string; readonly relay: string }): string =>
      `${each.relay} ${mailboxKey(each.recipient)}`;
    const ways = new Set(this.compose(draft).deliveries.map(wayOf));
    for (const id of ids.slice(0, MAX_TRACES)) {
      const found = await this.#store.get(id);
      const same = found?.deliveries.find((each) => each.state === 'sending' && ways.has(wayOf(each)));
      if (same !== undefined) return same.relay;
    }
    return null;
  }

  #deliveries(draft: Draft, { recipients }: Safeguarded, now: Instant): NewDelivery[] {
    const dueAt = Math.max(now, draft.sendAt ?? now);
    const facts = { ...(draft.tags && { tags: draft.tags }), ...(draft.headers && { headers: draft.headers }) };
    return recipients.map(({ recipient, held }) => {
      const relay = draft.relay ?? this.#router(recipient.address, draft.envelope, facts);
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

  /** Gives what waits or is held to another relay. Returns how many deliveries. */
  async reroute(filter: Filter, relay: string, dryRun = false): Promise<number> {
    const moved = await this.#store.reroute(filter, relay, { dryRun });
    if (moved > 0 && !dryRun) {
      this.#log.info({ relay, deliveries: moved }, 'rerouted by operator');
      this.announceWork();
    }
    return moved;
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

  /** Nothing is sent to them from now on; what waits for them ends when its turn comes. Throws SUPPRESSION_INVALID before it keeps any. */
  async suppress(entries: readonly SuppressionEntry[]): Promise<void> {
    const fault = entries.map(entryFault).find((each) => each !== undefined);
    if (fault !== undefined) throw new PosthasteError('SUPPRESSION_INVALID', `A suppression is refused: ${fault}.`);
    const now = this.#clock.now();
    for (let i = 0; i < entries.length; i += SUPPRESS_BATCH)
      await this.#store.suppress(entries.slice(i, i + SUPPRESS_BATCH).map((entry) => suppressionOf(entry, now)));
    if (entries.length > 0) this.#log.info({ entries: entries.length }, 'suppressed by operator');
  }

  /** Returns how many were in the list. What ended because of them stays ended; `retry` sends it. */
  async unsuppress(targets: readonly string[]): Promise<number> {
    let removed = 0;
    for (let i = 0; i < targets.length; i += SUPPRESS_BATCH)
      removed += await this.#store.unsuppress(targets.slice(i, i + SUPPRESS_BATCH));
    if (removed > 0) this.#log.info({ entries: removed }, 'unsuppressed by operator');
    return removed;
  }

  /** What keeps mail from this address now; null: nothing does. */
  async suppression(recipient: string): Promise<Suppression | null> {
    return (await this.#store.suppressing([recipient], this.#clock.now()))[0] ?? null;
  }

  /** All entries in the order of their targets, also those whose time is over; reads on as far as it is asked to. */
  async *suppressions(): AsyncGenerator<Suppression, void> {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await this.#store.suppressions({ limit: SUPPRESS_BATCH, ...(cursor !== undefined && { cursor }) });
      yield* page.rows;
      cursor = page.cursor;
    }
  }

  get(id: Id): Promise<Found | null> {
    return this.#store.get(id);
  }

  find(filter: Filter, page: PageRequest): Promise<Page> {
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

  #logSuppressed({ message }: NewMessage, to: readonly string[]): void {
    this.#log.warn({ id: message.id, from: message.sender ?? '<>', to, reason: 'suppressed' }, 'bounced');
  }

  #logAccepted({ message, deliveries }: Pick<NewMessage, 'message' | 'deliveries'>): void {
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
