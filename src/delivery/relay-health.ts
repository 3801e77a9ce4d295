/** What a worker knows of its relay's health, and tells all workers through the store. */
import { type Reply, showReply } from '../mail/reply.ts';
import { relayPauses } from '../queue/schedule.ts';
import type { Store } from '../queue/store.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { type Hooks, tellRelayChange } from './hooks.ts';

export interface HealthParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly hooks: Hooks;
}

export class RelayHealth {
  readonly #relay: string;
  readonly #parts: HealthParts;
  /** There may be faults on record, of this process or another; the first success of an attempt that began after the last one clears them. */
  #faulty = true;
  #faultAt: Instant = 0;
  /** The pause that was told of: connections that fall together are one fault, and one line. */
  #toldOf: Instant | null = null;

  constructor(relay: string, parts: HealthParts) {
    this.#relay = relay;
    this.#parts = parts;
  }

  /** No fault is on record, as far as this process has seen. */
  get well(): boolean {
    return !this.#faulty;
  }

  /** Pauses the relay; answers with the time of the next probe. */
  async fault(fault: Reply): Promise<Instant> {
    const { store, clock, log, random, hooks } = this.#parts;
    const now = clock.now();
    this.#faulty = true;
    this.#faultAt = now;
    const { faults, faultSince, probeAt } = await store.faultRelay(this.#relay, fault, now, relayPauses(random()));
    if (probeAt !== null && probeAt !== this.#toldOf) {
      this.#toldOf = probeAt;
      const fields = {
        relay: this.#relay,
        reply: showReply(fault),
        faults,
        nextProbe: new Date(probeAt).toISOString(),
      };
      log.warn(fields, 'relay fault: it is paused, its mail waits');
      const change = { relay: this.#relay, faults, since: faultSince ?? now, reply: fault, nextProbe: probeAt };
      void tellRelayChange(hooks, { ...change, state: 'paused' }, log);
    }
    return probeAt ?? now;
  }

  /** An attempt that began at `startedAt` ended without a fault of the relay. True: that ended a pause. */
  async success(startedAt: Instant): Promise<boolean> {
    if (!this.#faulty || startedAt < this.#faultAt) return false;
    this.#faulty = false;
    this.#toldOf = null;
    if (await this.#parts.store.healRelay(this.#relay)) this.#tellWell();
    return true;
  }

  #tellWell(): void {
    const { hooks, log } = this.#parts;
    log.info({ relay: this.#relay }, 'relay is well again');
    void tellRelayChange(hooks, { relay: this.#relay, state: 'well' }, log);
  }
}
