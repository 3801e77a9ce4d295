/** What a worker does that found nothing to claim: it sleeps until something is due, its process made work, or another one may have. */
import { isResting } from '../queue/pace.ts';
import type { RelayState } from '../queue/relay-store.ts';
import { LONGEST_PAUSE } from '../queue/schedule.ts';
import { isFewMessages } from '../queue/suspicion.ts';
import { type Instant, isAhead } from '../runtime/clock.ts';
import { Signal } from '../runtime/signal.ts';
import type { DeliveryParts } from './conclude.ts';
import { pollAfter } from './poll.ts';
import type { Relay } from './relay.ts';
import type { RelayShare } from './relay-share.ts';

export interface RestOptions {
  /** How often to look for what other processes queued, ms. */
  readonly poll: number;
  /** Claims that wait for new work come no closer together than this, ms: under load each brings more and costs less. 0: at once. */
  readonly gather: number;
}

/** How often a relay that stands in for others looks whether it is needed, and one that failed with few messages whether others are due, ms. */
const SOON = 2_000;

export class Rest {
  readonly #parts: Pick<DeliveryParts, 'store' | 'clock'>;
  readonly #relay: Relay;
  readonly #options: RestOptions;
  readonly #share: RelayShare;
  readonly #work = new Signal();
  readonly #end = new Signal();
  #claimedAt: Instant = 0;
  /** The last look for something to claim: what has opened since then was not seen by it. */
  #looked: { readonly at: Instant; readonly opensAt: Instant } = { at: 0, opensAt: 0 };
  /** When a look showed that another process had written something; null: none has yet. */
  #newsAt: Instant | null = null;
  #ended = false;

  constructor(parts: Pick<DeliveryParts, 'store' | 'clock'>, relay: Relay, options: RestOptions, share: RelayShare) {
    this.#parts = parts;
    this.#relay = relay;
    this.#options = options;
    this.#share = share;
  }

  /** There may be something to claim. */
  wake(): void {
    this.#work.notify();
  }

  /** Nothing will be claimed any more. */
  end(): void {
    this.#ended = true;
    this.#work.notify();
    this.#end.notify();
  }

  /** A look begins now; before `opensAt` the round lets nothing out. */
  looked(opensAt: Instant): void {
    this.#looked = { at: this.#parts.clock.now(), opensAt };
  }

  claimed(at: Instant): void {
    this.#claimedAt = at;
  }

  /** At most so many ms; true: it was woken. */
  atMost(ms: number): Promise<boolean> {
    return this.#work.wait(this.#parts.clock, ms);
  }

  async untilWork(): Promise<void> {
    const { clock, store } = this.#parts;
    const { gather, poll } = this.#options;
    // In a stream of submissions this is all it takes; the questions below are for silence.
    if (gather > 0 && (await this.atMost(2 * gather))) return;
    const mark = await store.changeMark();
    const wakeAt = await this.#wakeAt();
    while (!this.#ended) {
      // Who is told of news looks only for what nobody told.
      const pause = pollAfter(store.onNews === undefined ? this.#newsAt : null, clock.now(), poll);
      const wait = Math.min(wakeAt - clock.now(), pause);
      // What was found to lie ahead says nothing once the clock was set back.
      if (wait <= 0 || clock.now() < this.#looked.at) return;
      if (await this.atMost(wait)) return;
      if ((await store.changeMark()) === mark) continue;
      this.#newsAt = clock.now();
      return;
    }
  }

  /** New work after a silence is claimed at once; in a stream of it, the claim waits for some more. */
  async gather(): Promise<void> {
    const { clock } = this.#parts;
    const { gather } = this.#options;
    // A clock that was set back makes nobody wait for longer.
    const wait = Math.min(gather, this.#claimedAt + gather - clock.now());
    if (wait > 0 && !this.#ended) await this.#end.wait(clock, wait);
  }

  async #wakeAt(): Promise<number> {
    const { at: now, opensAt } = this.#looked;
    const soon = now + this.#options.poll;
    const state = (await this.#parts.store.relays()).find((each) => each.relay === this.#relay.name);
    if (state !== undefined) this.#share.changed(state.shareChanges);
    const looks = this.#relay.standIns.length > 0 || (state !== undefined && isFewMessages(state));
    const latest = looks ? now + SOON : Number.POSITIVE_INFINITY;
    if (state?.pausedAt != null) return latest;
    const due = await this.#parts.store.nextDue(this.#relay.name);
    const allowed = state === undefined ? 0 : allowedAt(state, now);
    if (opensAt > now) return opensAt;
    // What is due and yet was not claimed belongs to a pause, to a rate, to other connections, or to another process's probe.
    const next = due !== null && due <= now ? soonest(allowed, now, soon) : Math.max(due ?? latest, allowed);
    return Math.min(next, latest);
  }
}

/** The relay lets nothing out before this. */
function allowedAt({ probeAt, limitedUntil, pace }: RelayState, now: Instant): Instant {
  const probe = isAhead(probeAt ?? 0, now, LONGEST_PAUSE) ? probeAt : null;
  const rest = isResting(pace, now) ? pace?.restUntil : null;
  return Math.max(probe ?? 0, limitedUntil ?? 0, rest ?? 0);
}

/** At the known time where it lies ahead, else a poll away. */
function soonest(allowed: number, now: number, soon: number): number {
  return allowed > now ? allowed : soon;
}
