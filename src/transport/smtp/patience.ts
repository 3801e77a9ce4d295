/** How long a connection waits for what: one limit at a time, and what runs out when it passes. */
import type { Clock } from '../../runtime/clock.ts';
import { Deadline } from './deadline.ts';
import type { Timeouts, Wait } from './options.ts';

/** What is awaited; another object is another wait, though it be for the same. */
export type Awaited = { readonly wait: Wait } | null;

export class Patience {
  readonly #clock: Clock;
  readonly #timeouts: Timeouts;
  readonly #deadline: Deadline;
  #awaited: Awaited = null;

  constructor(clock: Clock, timeouts: Timeouts, ranOut: (wait: Wait, ms: number) => void) {
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#deadline = new Deadline(clock, () => {
      const wait = this.#awaited?.wait ?? 'connect';
      ranOut(wait, timeouts[wait]);
    });
  }

  get awaited(): Awaited {
    return this.#awaited;
  }

  /** The limit begins now; null: there is none. */
  begin(awaited: Awaited): void {
    this.#awaited = awaited;
    if (awaited === null) this.#deadline.lift();
    else this.#deadline.set(this.#clock.now() + this.#timeouts[awaited.wait]);
  }

  /** For good. */
  end(): void {
    this.#deadline.end();
  }
}
