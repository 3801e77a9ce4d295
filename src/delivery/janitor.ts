/** The janitor: what must happen by the clock, whoever is there to do it. Any number of processes may run one. */
import type { State } from '../queue/delivery.ts';
import type { Reason } from '../queue/reason.ts';
import { CRASH_DELAYS } from '../queue/schedule.ts';
import { bounce, expiryReply } from '../queue/settle.ts';
import type { Node, Store } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Service } from '../runtime/service.ts';
import { conclude, type DeliveryParts } from './attempt.ts';
import { reportDelays } from './delays.ts';
import type { Shares } from './shares.ts';

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
  /** Whether a process of this place with that number lives. */
  readonly isAlive: (pid: number) => boolean;
}

/** Messages removed in one transaction, so that no writer waits long. */
const PURGE_BATCH = 500;
/** A client that stages chunks and never finishes is gone after this, ms. */
const STAGED_MAX_AGE = 60 * 60_000;

export class Janitor implements Service {
  readonly #parts: DeliveryParts;
  readonly #options: JanitorOptions;
  #cancel: (() => void) | undefined;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: DeliveryParts, options: JanitorOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** The first round runs before anything else starts: it frees what a crashed process of this machine held. */
  async start(): Promise<void> {
    await this.round();
    this.#arm();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancel?.();
    await this.#round;
    await this.#options.shares.stop();
    await this.#step('leave', (store) => store.forgetNode(this.#options.node.id));
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#cancel = this.#parts.clock.after(this.#options.interval, () => {
      this.#round = this.round().finally(() => this.#arm());
    });
  }

  /** Each step stands alone: one that fails is logged and tried again in the next round. */
  async round(): Promise<void> {
    // First, so that what dead processes had can be shared out.
    await this.#step('reclaim', (store, now) => this.#reclaim(store, now));
    await this.#step('heartbeat', () => this.#options.shares.beat());
    await this.#step('expire', () => this.#expire());
    await this.#step('delays', () => reportDelays(this.#parts, () => this.#stopped));
    await this.#step('sweep', (store, now) => store.sweepStaged(now - STAGED_MAX_AGE));
    await this.#step('purge', (store, now) => this.#purge(store, now));
  }

  async #step(name: string, work: (store: Store, now: Instant) => Promise<unknown>): Promise<void> {
    try {
      await work(this.#parts.store, this.#parts.clock.now());
    } catch (error) {
      this.#parts.log.error({ step: name, err: error }, 'housekeeping failed, it is tried again');
    }
  }

  async #reclaim(store: Store, now: Instant): Promise<void> {
    const dead = (await store.nodes(0)).filter((node) => this.#isDead(node)).map((node) => node.id);
    const count = await store.reclaim(now, dead, CRASH_DELAYS);
    if (count > 0) {
      this.#parts.log.warn({ deliveries: count }, 'reclaimed from workers that are gone');
      this.#parts.queue.announceWork();
    }
    for (const id of dead) await store.forgetNode(id);
  }

  /** A crashed process of this machine need not be waited for: nobody has its number, or we have it ourselves. */
  #isDead(node: Node): boolean {
    const own = this.#options.node;
    if (node.place !== own.place || node.id === own.id) return false;
    return node.pid === own.pid || !this.#options.isAlive(node.pid);
  }

  /** Deliveries whose time is over bounce even when their relay has been paused all along. */
  async #expire(): Promise<void> {
    for (;;) {
      const now = this.#parts.clock.now();
      const request = { limit: 100, now, until: now + this.#options.lease, holder: this.#options.node.id };
      const claims = await this.#parts.store.claimExpired(request);
      if (claims.length === 0) return;
      for (const claim of claims) {
        const decided = claim.deliveries.map((delivery) => {
          const decision = { ...bounce(delivery, 'expired', expiryReply(delivery)), giveBack: true };
          return { delivery, outcome: null, decision };
        });
        await conclude(this.#parts, claim, decided, {
          startedAt: now,
          relay: claim.deliveries[0]?.relay ?? '',
          host: null,
        });
      }
    }
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
