/**
 * The events of a queue, read from its database: so they tell of all processes, need nothing where nobody watches, and cost the
 * writers nothing but an index on what was deferred or held.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { RelayState } from '../queue/relay-store.ts';
import type { Listed, Page, Store } from '../queue/store.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import { firstIdAt } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import { type DeliveryEvent, eventOf, type QueueEvent, relayChanges, typeOf } from './events.ts';

export interface FeedParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export interface FeedOptions {
  /** What came after this time; it comes again in part. null: from now on. */
  readonly after: Instant | null;
  readonly signal: AbortSignal;
}

/**
 * A change is written with the time at which its transaction was begun, and by a process whose clock may be behind: so late, ms, may it
 * become visible and yet be told.
 */
const LATE = 5_000;
/** Between two looks, ms. */
const POLL = 250;
/** A look takes the database no more than one part in so many of the time, */
const RESTRAINT = 10;
/** unless that would make watchers wait longer than this, ms. */
const MAX_REST = 2_000;
/** After the store failed, ms. */
const RETRY = 1_000;
/** Deliveries in one question to the store. */
const PAGE = 500;

/** One watcher's view. It looks only while somebody waits for the next event, so a slow watcher costs no memory. */
export class Feed {
  readonly #parts: FeedParts;
  readonly #signal: AbortSignal;
  /** Nothing before this is told. */
  readonly #start: Instant;
  #since: Instant;
  /** What this look has taken the store, ms: a watcher that takes its time is none of that. */
  #spent = 0;
  /** What was told and lies within the reach of the next look, by its key. */
  #told = new Map<string, Instant>();
  #relays: ReadonlyMap<string, RelayState> | undefined;

  constructor(parts: FeedParts, { after, signal }: FeedOptions) {
    this.#parts = parts;
    this.#signal = signal;
    this.#since = after ?? parts.clock.now();
    this.#start = after === null ? this.#since : after - LATE;
  }

  /** Up to when all that happened was told. */
  get position(): Instant {
    return this.#since;
  }

  /** Ends when the signal says so. A store that cannot be read is asked again. */
  async *events(): AsyncGenerator<QueueEvent, void> {
    while (!this.#signal.aborted) {
      this.#spent = 0;
      const wait = yield* this.#tryToLook();
      await this.#rest(wait ?? Math.min(MAX_REST, Math.max(POLL, RESTRAINT * this.#spent)));
    }
  }

  /** Answers with how long to wait after a failure. */
  async *#tryToLook(): AsyncGenerator<QueueEvent, number | undefined> {
    try {
      yield* this.#look();
      return undefined;
    } catch (error) {
      if (this.#signal.aborted) return undefined;
      this.#parts.log.warn({ err: error }, 'events cannot be read, it is tried again');
      return RETRY;
    }
  }

  async *#look(): AsyncGenerator<QueueEvent, void> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const from = this.#since - LATE;
    const arrived = (cursor?: string): Promise<Page> =>
      store.find(
        { idFrom: firstIdAt(from) },
        { limit: PAGE, order: 'oldest', ...(cursor !== undefined && { cursor }) },
      );
    const changed = (cursor?: string): Promise<Page> =>
      store.changed(from, { limit: PAGE, ...(cursor !== undefined && { cursor }) });
    // First, so that what is known of them when the first event is told counts as before it.
    yield* this.#tellRelays(now);
    yield* this.#tell(this.#pages(arrived), now, (row) => eventOf('submitted', row.createdAt, row));
    yield* this.#tell(this.#pages(changed), now, (row) => {
      const type = typeOf(row);
      return type && eventOf(type, row.changedAt, row);
    });
    this.#since = now;
    this.#forget(now - LATE);
  }

  async *#pages(page: (cursor?: string) => Promise<Page>): AsyncGenerator<Listed, void> {
    for (let cursor: string | null | undefined; cursor !== null && !this.#signal.aborted; ) {
      const { rows, cursor: next } = await this.#timed(page(cursor));
      yield* rows;
      cursor = next;
    }
  }

  async *#tell(
    rows: AsyncGenerator<Listed, void>,
    now: Instant,
    event: (row: Listed) => DeliveryEvent | undefined,
  ): AsyncGenerator<QueueEvent, void> {
    for await (const row of rows) {
      const told = event(row);
      if (told === undefined || told.at < this.#start || this.#told.has(told.key)) continue;
      if (told.at >= now - LATE) this.#told.set(told.key, told.at);
      if (this.#signal.aborted) return;
      yield told;
    }
  }

  async *#tellRelays(now: Instant): AsyncGenerator<QueueEvent, void> {
    const states = await this.#timed(this.#parts.store.relays());
    const before = this.#relays;
    this.#relays = new Map(states.map((state) => [state.relay, state]));
    if (before === undefined) return;
    for (const relay of states) {
      for (const change of relayChanges(before.get(relay.relay), relay))
        yield { type: 'relay', at: now, change, relay };
    }
  }

  async #timed<T>(answer: Promise<T>): Promise<T> {
    const begun = performance.now();
    const result = await answer;
    this.#spent += performance.now() - begun;
    return result;
  }

  #forget(before: Instant): void {
    for (const [key, at] of this.#told) if (at < before) this.#told.delete(key);
  }

  async #rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#signal }).catch(() => undefined);
  }
}
