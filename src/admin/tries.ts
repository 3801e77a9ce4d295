/** Slows down those who guess passwords: after some failures each further one must wait, twice as long each time. */
import type { Clock, Instant } from '../runtime/clock.ts';

/** So many are mistakes of a person. */
const FREE = 5;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;
/** After so long without a failure nothing is held against anybody, ms. */
const FORGOTTEN = 15 * 60_000;
/** Who is remembered at one time; the oldest go first. */
const MOST = 10_000;

interface Failures {
  readonly count: number;
  readonly last: Instant;
}

export class Tries {
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long they must wait, ms; 0: they may try. */
  wait(...keys: readonly string[]): number {
    return Math.max(0, ...keys.map((key) => this.#waitOf(key)));
  }

  #waitOf(key: string): number {
    const failures = this.#recent(key);
    if (failures === undefined || failures.count < FREE) return 0;
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(20, failures.count - FREE));
    return failures.last + wait - this.#clock.now();
  }

  #recent(key: string): Failures | undefined {
    const failures = this.#failures.get(key);
    return failures !== undefined && this.#clock.now() - failures.last < FORGOTTEN ? failures : undefined;
  }

  failed(...keys: readonly string[]): void {
    for (const key of keys) {
      const count = (this.#recent(key)?.count ?? 0) + 1;
      this.#failures.delete(key);
      this.#failures.set(key, { count, last: this.#clock.now() });
    }
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= MOST) break;
      this.#failures.delete(oldest);
    }
  }

  succeeded(...keys: readonly string[]): void {
    for (const key of keys) this.#failures.delete(key);
  }

  /** The failures of `part` are forgotten, also where they were counted among others; those of others stay. */
  forgive(part: string, whole: string): void {
    const forgiven = this.#recent(part)?.count ?? 0;
    const all = this.#recent(whole);
    this.#failures.delete(part);
    if (all === undefined || all.count <= forgiven) this.#failures.delete(whole);
    else this.#failures.set(whole, { ...all, count: all.count - forgiven });
  }
}
