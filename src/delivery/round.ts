/** How much goes out in one round, and how fast: a run of `work --once`, or what a worker does between two pauses. */
import { type Clock, type Instant, isAhead } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';

export interface RoundLimits {
  /** Messages that are sent; null: any number. What is deferred or bounced does not count. */
  readonly maxBatch: number | null;
  /** Messages that are deferred before no more are tried; null: any number. */
  readonly maxDeferred: number | null;
  /** Between the end of one message and the beginning of the next, ms, one at a time; 0: none, and as many at once as there are connections. */
  readonly throttle: number;
}

/** What an attempt made of a message: `ended` is bounced or held, for all its recipients. */
export type Result = 'sent' | 'deferred' | 'ended';

/** How many deliveries of a round came to which end. */
export type Tally = Readonly<Record<Result, number>>;

export const NO_LIMITS: RoundLimits = { maxBatch: null, maxDeferred: null, throttle: 0 };

export interface RoundParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Between two rounds, ms; null: this is the only one. */
  readonly pause: number | null;
  /** Limits that several relays share. */
  readonly shared?: Round;
  /** The relay that these limits are for; absent: all of the process. */
  readonly relay?: string;
}

export class Round {
  readonly #limits: RoundLimits;
  readonly #parts: RoundParts;
  readonly #listeners = new Set<() => void>();
  #inHand = 0;
  #tally = { sent: 0, deferred: 0, ended: 0 };
  readonly #total = { sent: 0, deferred: 0, ended: 0 };
  #nextAt: Instant = 0;
  #restUntil: Instant | null = null;

  constructor(limits: RoundLimits, parts: RoundParts) {
    this.#limits = limits;
    this.#parts = parts;
  }

  /** Calls back when there may be room, or none any more. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
    this.#parts.shared?.onChange(listener);
  }

  get isLimited(): boolean {
    const { maxBatch, maxDeferred, throttle } = this.#limits;
    return maxBatch !== null || maxDeferred !== null || throttle > 0 || this.#parts.shared?.isLimited === true;
  }

  /** Of all rounds. */
  get total(): Tally {
    return { ...this.#total };
  }

  /** Nothing more begins in this round. */
  get isOver(): boolean {
    this.#renew();
    const { maxBatch, maxDeferred } = this.#limits;
    const { sent, deferred } = this.#tally;
    const over = (maxBatch !== null && sent >= maxBatch) || (maxDeferred !== null && deferred >= maxDeferred);
    return over || this.#parts.shared?.isOver === true;
  }

  /** No room just now, but what is in hand may leave some. */
  get isWaiting(): boolean {
    return this.room === 0 && !this.isOver;
  }

  /** Messages that may be in hand beside those that are: limits hold also when all of them end as they must not. */
  get room(): number {
    if (this.isOver) return 0;
    const { maxBatch, maxDeferred, throttle } = this.#limits;
    const { sent, deferred } = this.#tally;
    const most = Math.min(
      maxBatch === null ? Number.POSITIVE_INFINITY : maxBatch - sent,
      maxDeferred === null ? Number.POSITIVE_INFINITY : maxDeferred - deferred,
      throttle > 0 ? 1 : Number.POSITIVE_INFINITY,
    );
    return Math.max(0, Math.min(most - this.#inHand, this.#parts.shared?.room ?? Number.POSITIVE_INFINITY));
  }

  /** The next message begins no sooner. */
  get nextAt(): Instant {
    const own = isAhead(this.#nextAt, this.#parts.clock.now(), this.#limits.throttle) ? this.#nextAt : 0;
    return Math.max(own, this.#parts.shared?.nextAt ?? 0);
  }

  /** When the next round begins; 0 while this one is not over. */
  get opensAt(): Instant {
    this.#renew();
    return Math.max(this.#restUntil ?? 0, this.#parts.shared?.opensAt ?? 0);
  }

  begin(): void {
    this.#inHand++;
    this.#parts.shared?.begin();
  }

  end(result: Result): void {
    this.#inHand--;
    this.#tally[result]++;
    this.#total[result]++;
    this.#nextAt = this.#parts.clock.now() + this.#limits.throttle;
    if (this.#inHand === 0) this.#conclude();
    this.#parts.shared?.end(result);
    for (const listener of this.#listeners) listener();
  }

  #conclude(): void {
    const { maxBatch, maxDeferred } = this.#limits;
    const { sent, deferred } = this.#tally;
    const { clock, log, pause, relay } = this.#parts;
    const [isFull, isRough] = [maxBatch !== null && sent >= maxBatch, maxDeferred !== null && deferred >= maxDeferred];
    if (!isFull && !isRough) return;
    const fields = { ...(relay !== undefined && { relay }), sent, deferred };
    const next = pause === null ? '' : `, the next one begins in ${pause / 1_000} s`;
    if (isRough) log.warn(fields, `maxDeferred (${maxDeferred}) is reached: stopping for this round${next}`);
    else log.info(fields, `maxBatch (${maxBatch}) is reached: stopping for this round${next}`);
    if (pause !== null) this.#restUntil = clock.now() + pause;
  }

  #renew(): void {
    const { clock, pause } = this.#parts;
    if (this.#restUntil === null || isAhead(this.#restUntil, clock.now(), pause ?? 0)) return;
    this.#restUntil = null;
    this.#tally = { sent: 0, deferred: 0, ended: 0 };
  }
}
