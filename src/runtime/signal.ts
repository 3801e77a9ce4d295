/** A wake-up that is never lost: whoever waits next after a `notify` does not wait. */
import type { Clock } from './clock.ts';

export class Signal {
  #pending = false;
  #waiters = new Set<() => void>();

  notify(): void {
    this.#pending = true;
    for (const wake of [...this.#waiters]) wake();
  }

  /** Resolves at the next `notify` (at once if one came since the last wait), or after `ms` milliseconds by the clock. */
  wait(clock: Clock, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiters.delete(done);
        cancel();
        this.#pending = false;
        resolve();
      };
      const cancel = clock.after(ms, done);
      this.#waiters.add(done);
      if (this.#pending) done();
    });
  }
}
