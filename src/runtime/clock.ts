/** Time as an argument: the clock that everything asks, so that tests can turn it. */

/** Milliseconds since 1970-01-01T00:00Z. */
export type Instant = number;

export interface Clock {
  now(): Instant;
  /** Calls `work` once after `ms` milliseconds; the returned function cancels it. Does not keep the process alive. */
  after(ms: number, work: () => void): () => void;
}

/** Clocks of machines differ by less, ms. */
const SKEW = 60_000;

/** Whether a time that was set `most` ms ahead at most is still to come: one further ahead is from before the clock was set back. */
export function isAhead(at: Instant, now: Instant, most: number): boolean {
  return at > now && at <= farthest(now, most);
}

/** No clock that is right has set a time of at most `most` ms ahead beyond this. */
export function farthest(now: Instant, most: number): Instant {
  return now + most + SKEW;
}

/** Node's timers overflow above 2^31-1 ms and then fire at once. */
const MAX_TIMER = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, work) {
    const timer = setTimeout(work, Math.min(Math.max(0, ms), MAX_TIMER));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until it is told to move; timers fire in order, at their own time. */
export class ManualClock implements Clock {
  #now: Instant;
  #timers: { at: Instant; work: () => void }[] = [];

  constructor(now: Instant) {
    this.#now = now;
  }

  now(): Instant {
    return this.#now;
  }

  after(ms: number, work: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), work };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on to the given time and fires every timer on the way. */
  moveTo(time: Instant): void {
    for (;;) {
      const next = this.#timers.reduce<Instant>((least, timer) => Math.min(least, timer.at), Number.POSITIVE_INFINITY);
      if (next > time) break;
      this.#now = Math.max(this.#now, next);
      const due = this.#timers.filter((timer) => timer.at <= next);
      this.#timers = this.#timers.filter((timer) => timer.at > next);
      for (const timer of due) timer.work();
    }
    this.#now = Math.max(this.#now, time);
  }

  /** Somebody sets it, to whenever: timers count what goes by, not what it shows. */
  set(time: Instant): void {
    const step = time - this.#now;
    this.#now = time;
    for (const timer of this.#timers) timer.at += step;
  }

  /** The time of the next timer, if there is one. */
  nextTimer(): Instant | undefined {
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map((timer) => timer.at));
  }
}
