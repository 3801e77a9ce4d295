/** What a worker knows of its relay's health, and tells all workers through the store. */
import { type Reply, showReply } from '../mail/reply.ts';
import { relayPauses } from '../queue/schedule.ts';
import type { Store, Token } from '../queue/store.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import { type Hooks, tellRelayChange } from './hooks.ts';

export interface HealthParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly hooks: Hooks;
}

/** How often it is told that the relay takes mail, ms. */
const TELL_SENT = 60_000;

/** The one message that probes for all. */
interface Probe {
  readonly token: Token;
  readonly holder: Id;
  readonly until: Instant;
}

export class RelayHealth {
  readonly #relay: string;
  readonly #parts: HealthParts;
  /** There may be faults on record; the first success of an attempt that began after the last one of this process clears them. */
  #faulty = true;
  #faultAt: Instant = 0;
  /** The pause that was told of: connections that fall together are one fault, and one line. */
  #toldOf: Instant | null = null;
  #probe: Probe | undefined;
  #sentAt: Instant = Number.NEGATIVE_INFINITY;

  constructor(relay: string, parts: HealthParts) {
    this.#relay = relay;
    this.#parts = parts;
  }

  /** Faults are on record, whichever process met them: the next success ends them. */
  probes(probe: Probe): void {
    this.#faulty = true;
    this.#probe = probe;
  }

  /**
   * These claims ended without having met the relay: where one of them was the probe, another message may be it now. True: it was. Never
   * rejects: where the store cannot be told, the probe's lease runs out.
   */
  async unmet(tokens: readonly Token[]): Promise<boolean> {
    const probe = this.#probe;
    if (probe === undefined || !tokens.includes(probe.token)) return false;
    this.#probe = undefined;
    try {
      return await this.#parts.store.endProbe(this.#relay, probe.holder, probe.until);
    } catch (error) {
      this.#parts.log.warn({ relay: this.#relay, err: error }, 'a probe could not be given up, its lease will run out');
      return false;
    }
  }

  /** No fault is on record, as far as this process has seen. */
  get well(): boolean {
    return !this.#faulty;
  }

  /**
   * Pauses the relay; answers with the time of the next probe. Where the fault came in the transaction of the message `suspect`, and the
   * relay takes other mail, it is left alone: `message`.
   */
  async fault(fault: Reply, suspect: Id | null): Promise<Instant | 'message'> {
    const { store, clock, log, random, hooks } = this.#parts;
    const now = clock.now();
    const state = await store.faultRelay(this.#relay, fault, now, relayPauses(random()), suspect);
    if (state === 'message') {
      log.warn(
        { relay: this.#relay, id: suspect, reply: showReply(fault) },
        'the relay takes other mail: the message is to blame, and waits',
      );
      return state;
    }
    this.#faulty = true;
    this.#faultAt = now;
    const { faults, faultSince, probeAt } = state;
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

  /**
   * An attempt that began at `startedAt` ended without a fault of the relay. True: that ended a pause. Never rejects: where the store cannot
   * be told, the next success tells it.
   */
  async success(startedAt: Instant): Promise<boolean> {
    if (!this.#faulty || startedAt < this.#faultAt) return false;
    this.#faulty = false;
    this.#toldOf = null;
    const { store, clock, log } = this.#parts;
    try {
      if (await store.healRelay(this.#relay, clock.now())) this.#tellWell();
      return true;
    } catch (error) {
      this.#faulty = true;
      log.warn({ relay: this.#relay, err: error }, 'that the relay is well again could not be written yet');
      return false;
    }
  }

  /** The relay has taken mail. Never rejects: where the store cannot be told, the next one tells it. */
  async sent(): Promise<void> {
    const { store, clock, log } = this.#parts;
    const now = clock.now();
    const before = this.#sentAt;
    if (now - before < TELL_SENT) return;
    this.#sentAt = now;
    try {
      await store.noteSent(this.#relay, now);
    } catch (error) {
      this.#sentAt = before;
      log.warn({ relay: this.#relay, err: error }, 'that the relay takes mail could not be written yet');
    }
  }

  #tellWell(): void {
    const { hooks, log } = this.#parts;
    log.info({ relay: this.#relay }, 'relay is well again');
    void tellRelayChange(hooks, { relay: this.#relay, state: 'well' }, log);
  }
}
