/** The janitor: what must happen by the clock, whoever is there to do it. Any number of processes may run one. */
import type { State } from '../queue/delivery.ts';
import type { Reason } from '../queue/reason.ts';
import type { Node } from '../queue/relay-store.ts';
import { CRASH_DELAYS } from '../queue/schedule.ts';
import type { Store } from '../queue/store.ts';
import { type Instant, isAhead } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Service } from '../runtime/service.ts';
import type { DeliveryParts } from './conclude.ts';
import { reportDelays } from './delays.ts';
import { expire } from './expire.ts';
import type { Shares } from './shares.ts';
import { Trouble } from './trouble.ts';

/** How long messages stay after all their deliveries ended; null keeps them for good. */
export interface Retention {
  readonly states: readonly State[];
  readonly reason?: Reason;
  readonly age: number | null;
}

export interface JanitorOptions {
  readonly node: Node;
  /** Says with its heartbeat that this process lives. */
  readonly shares: Shares;
  readonly lease: number;
  /** Between two rounds, ms. */
  readonly interval: number;
  readonly retention: readonly Retention[];
  /** How long the audit trail is kept, ms; null: for good. */
  readonly retainAudit: number | null;
  /** Whether a process of this place with that number lives. */
  readonly isAlive: (pid: number) => boolean;
  /** When this process began: it may hold several queues, and one before it may have had its number. */
  readonly processStarted: Instant;
}

/** Messages given up together. */
const EXPIRE_BATCH = 100;
/** Messages removed in one transaction, so that no writer waits long. */
const PURGE_BATCH = 500;
/** A client that stages chunks and never finishes is gone after this, ms. */
const STAGED_MAX_AGE = 60 * 60_000;
/** Webhook events that could not be told are there for so long to be sent again, ms. */
const FAILED_EVENTS = 30 * 86_400_000;
/** Nothing is kept for a webhook that no process has known for so long, ms. */
const UNKNOWN_WEBHOOK = 7 * 86_400_000;

/** Clocks are set by little now and then, ms. */
const CLOCK_SLACK = 1_000;

const TROUBLE = { begun: 'housekeeping failed, it is tried again', over: 'housekeeping goes on' };

export class Janitor implements Service {
  readonly #parts: DeliveryParts;
  readonly #options: JanitorOptions;
  readonly #cancels = new Map<'live' | 'tidy', () => void>();
  readonly #rounds = new Map<'live' | 'tidy', Promise<void>>();
  readonly #trouble: Trouble;
  #stopped = false;
  /** Processes that were found dead, and until when something of theirs may still turn up. */
  readonly #gone = new Map<Id, Instant>();
  /** When leases were looked at last; undefined: never yet. */
  #reclaimedAt: Instant | undefined;
  /** After a leap of the clock: until then those who live have time to renew. */
  #renewingUntil: Instant = 0;

  constructor(parts: DeliveryParts, options: JanitorOptions) {
    this.#parts = parts;
    this.#trouble = new Trouble(parts.log, TROUBLE);
    this.#options = options;
  }

  /** What a crashed process of this machine held is freed before anything else starts. There may be much to tidy up, and nobody need wait for it. */
  async start(): Promise<void> {
    await this.#live();
    this.#arm('live', () => this.#live());
    this.#begin('tidy', () => this.#tidy());
  }

  /** Resolves when what the start found to tidy up is done: who runs once is to leave nothing of it. */
  async tidied(): Promise<void> {
    await this.#rounds.get('tidy');
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const cancel of this.#cancels.values()) cancel();
    await Promise.all(this.#rounds.values());
    await this.#options.shares.stop();
    await this.#step('leave', (store) => store.forgetNode(this.#options.node.id));
  }

  #arm(name: 'live' | 'tidy', round: () => Promise<void>): void {
    if (this.#stopped) return;
    const cancel = this.#parts.clock.after(this.#options.interval, () => this.#begin(name, round));
    this.#cancels.set(name, cancel);
  }

  #begin(name: 'live' | 'tidy', round: () => Promise<void>): void {
    this.#rounds.set(
      name,
      round().finally(() => this.#arm(name, round)),
    );
  }

  /** All of it, once. */
  async round(): Promise<void> {
    await this.#live();
    await this.#tidy();
  }

  /** What others wait for, and this process for its share: by itself, however long the rest takes. */
  async #live(): Promise<void> {
    // First, so that what dead processes had can be shared out.
    await this.#step('reclaim', (store, now) => this.#reclaim(store, now));
    await this.#step('heartbeat', () => this.#options.shares.beat());
  }

  /** Each step stands alone: one that fails is tried again in the next round. */
  async #tidy(): Promise<void> {
    await this.#step('expire', () => this.#expire());
    await this.#step('delays', () => reportDelays(this.#parts, () => this.#stopped));
    await this.#step('sweep', (store, now) => store.sweepStaged(now - STAGED_MAX_AGE));
    await this.#step('contents', (store) => this.#dropContents(store));
    await this.#step('purge', (store, now) => this.#purge(store, now));
    await this.#step('audit', (store, now) => this.#purgeAudit(store, now));
    await this.#step('webhooks', (store, now) => this.#purgeWebhooks(store, now));
  }

  async #step(name: string, work: (store: Store, now: Instant) => Promise<unknown>): Promise<void> {
    if (this.#stopped && name !== 'leave') return;
    try {
      await work(this.#parts.store, this.#parts.clock.now());
      this.#trouble.went(name, {});
    } catch (error) {
      this.#trouble.failed(name, error, { step: name });
    }
  }

  async #reclaim(store: Store, now: Instant): Promise<void> {
    if (this.#isRenewing(now)) return;
    const dead = (await store.nodes(0)).filter((node) => this.#isDead(node)).map((node) => node.id);
    // A database server may commit a claim of theirs after they are gone: without this it would wait for the end of its lease.
    for (const id of dead) this.#gone.set(id, now + this.#options.lease);
    for (const [id, until] of this.#gone) if (until < now) this.#gone.delete(id);
    const count = await store.reclaim(now, [...this.#gone.keys()], CRASH_DELAYS);
    if (count > 0) {
      this.#parts.log.warn({ deliveries: count }, 'reclaimed from workers that are gone');
      this.#parts.queue.announceWork();
    }
    for (const id of dead) {
      await store.releaseWebhooks(id);
      await store.forgetNode(id);
    }
  }

  /**
   * A clock that was set, or a machine that slept, takes the leases of all who live on it at once, and renewals come every third of a lease.
   * A round that takes long looks like that; so never twice in a row.
   */
  #isRenewing(now: Instant): boolean {
    const { interval, lease } = this.#options;
    const last = this.#reclaimedAt;
    const leapt = last !== undefined && now - last >= interval + lease / 2;
    if (leapt && this.#renewingUntil <= last) this.#renewingUntil = now + lease / 2;
    this.#reclaimedAt = now;
    return isAhead(this.#renewingUntil, now, lease / 2);
  }

  /** A crashed process of this machine need not be waited for: nobody has its number, or we have it since. */
  #isDead(node: Node): boolean {
    const { node: own, isAlive, processStarted } = this.#options;
    if (node.place !== own.place || node.id === own.id) return false;
    return node.pid === own.pid ? node.startedAt < processStarted - CLOCK_SLACK : !isAlive(node.pid);
  }

  /** Deliveries whose time is over bounce even when their relay has been paused all along. */
  async #expire(): Promise<void> {
    while (!this.#stopped) {
      const now = this.#parts.clock.now();
      const request = { limit: EXPIRE_BATCH, now, until: now + this.#options.lease, holder: this.#options.node.id };
      const claims = await this.#parts.store.claimExpired(request);
      if (claims.length === 0) return;
      // Together, so that they share a commit.
      await Promise.all(claims.map((claim) => expire(this.#parts, claim, now)));
    }
  }

  async #dropContents(store: Store): Promise<void> {
    for (let dropped = PURGE_BATCH; dropped === PURGE_BATCH && !this.#stopped; ) {
      dropped = await store.dropContents(PURGE_BATCH);
      if (dropped > 0) this.#parts.log.info({ messages: dropped }, 'contents dropped');
    }
  }

  async #purgeAudit(store: Store, now: Instant): Promise<void> {
    const { retainAudit } = this.#options;
    if (retainAudit === null) return;
    for (let purged = PURGE_BATCH; purged === PURGE_BATCH && !this.#stopped; )
      purged = await store.purgeAudit(now - retainAudit, PURGE_BATCH);
  }

  async #purgeWebhooks(store: Store, now: Instant): Promise<void> {
    for (let purged = PURGE_BATCH; purged >= PURGE_BATCH && !this.#stopped; )
      purged = await store.purgeWebhooks(now - FAILED_EVENTS, now - UNKNOWN_WEBHOOK, PURGE_BATCH);
  }

  async #purge(store: Store, now: Instant): Promise<void> {
    for (const { age, ...filter } of this.#options.retention) {
      if (age === null) continue;
      for (;;) {
        const purged = await store.purge({ ...filter, changedBefore: now - age }, PURGE_BATCH);
        if (purged > 0) this.#parts.log.info({ messages: purged, states: filter.states }, 'purged');
        if (purged < PURGE_BATCH || this.#stopped) break;
      }
    }
  }
}
