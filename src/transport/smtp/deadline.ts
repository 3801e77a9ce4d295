/** One deadline that moves all the time, over a timer that is touched seldom: setting one for every command would cost more than the command. */
import type { Clock, Instant } from '../../runtime/clock.ts';

export class Deadline {
  readonly #clock: Clock;
  readonly #passed: () => void;
  #at = Number.POSITIVE_INFINITY;
  #timerAt = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, passed: () => void) {
    this.#clock = clock;
    this.#passed = passed;
  }

  set(at: Instant): void {
    this.#at = at;
    // A timer that fires too early finds the deadline moved and sets itself anew.
    if (this.#timerAt > at) this.#arm();
  }

  /** There is none until it is set again. */
  lift(): void {
    this.#at = Number.POSITIVE_INFINITY;
  }

  /** For good. */
  end(): void {
    this.lift();
    this.#cancel?.();
  }

  #arm(): void {
    this.#cancel?.();
    this.#timerAt = this.#at;
    this.#cancel = this.#clock.after(this.#at - this.#clock.now(), () => this.#fire());
  }

  #fire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (this.#at === Number.POSITIVE_INFINITY) return;
    if (this.#clock.now() < this.#at) {
      this.#arm();
      return;
    }
    this.lift();
    this.#passed();
  }
}
