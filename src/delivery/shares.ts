/**
 * The heartbeat of a process, and with it its shares of the relays' connections: one write in a while. A claim that shows that parts have
 * changed makes it beat at once, and while shares change hands the next beats come soon.
 */
import type { Node } from '../queue/relay-store.ts';
import type { RelayShare, ShareParts } from './relay-share.ts';

export interface SharesOptions {
  readonly node: Node;
  /** How long a share is kept for a process that shows no life, ms: some heartbeats. */
  readonly lease: number;
}

/** While shares change hands: connections mostly end within a transaction of some milliseconds, and a slow one must not cost a write for each of them. */
const SOONEST = 100;
const SOON = 1_000;

export class Shares {
  readonly #parts: ShareParts;
  readonly #options: SharesOptions;
  readonly #shares: readonly RelayShare[];
  #last: Promise<void> = Promise.resolve();
  #cancel: () => void = () => undefined;
  /** Until the next beat, while shares change hands, ms. */
  #pause = SOONEST;
  #stopped = false;

  constructor(parts: ShareParts, options: SharesOptions, shares: readonly RelayShare[]) {
    this.#parts = parts;
    this.#options = options;
    this.#shares = shares.filter((share) => share.isLimited);
    for (const share of this.#shares) {
      share.withhold();
      share.refresh = () => this.beat();
      share.refreshSoon = () => this.#beatIn(0);
    }
  }

  /** One after the other: what a share may have changes between heartbeats and never during one. */
  beat(): Promise<void> {
    const beat = this.#last.then(() => this.#beat());
    this.#last = beat.catch(() => undefined);
    return beat;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#last;
    this.#cancel();
  }

  async #beat(): Promise<void> {
    const { store, clock } = this.#parts;
    this.#cancel();
    const now = clock.now();
    const until = now + this.#options.lease;
    try {
      const requests = this.#shares.map((share) => share.request(until));
      const given = await store.heartbeat({ ...this.#options.node, seenAt: now }, requests);
      for (const [i, share] of given.entries()) this.#shares[i]?.give(share, until);
    } catch (error) {
      for (const share of this.#shares) share.expire(clock.now());
      throw error;
    }
    if (this.#shares.every((share) => share.isSettled)) this.#pause = SOONEST;
    else this.#beatIn(this.#pause);
  }

  #beatIn(ms: number): void {
    if (this.#stopped) return;
    this.#cancel();
    this.#pause = ms === 0 ? SOONEST : Math.min(2 * ms, SOON);
    this.#cancel = this.#parts.clock.after(ms, () => {
      this.beat().catch((error: unknown) => {
        this.#parts.log.warn({ err: error }, 'the heartbeat failed, the next one comes with the housekeeping');
      });
    });
  }
}
