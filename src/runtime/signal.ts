/** A wake-up that is never lost: whoever waits next after a `notify` does not wait. For one waiter at a time. */
import type { Clock } from './clock.ts';

export class Signal {
  #pending = false;
  #wake: (() => void) | undefined;

  notify(): void {
    this.#pending = true;
    this.#wake?.();
  }

  /** Resolves with true at the next `notify` (at once if one came since the last wait), with false after `ms` milliseconds. */
  wait(clock: Clock, ms: number): Promise<boolean> {
    if (this.#pending) {
      this.#pending = false;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const done = (): void => {
        const rung = this.#pending;
        cancel();
        this.#wake = undefined;
        this.#pending = false;
        resolve(rung);
      };
      const cancel = clock.after(ms, done);
      this.#wake = done;
    });
  }
}
