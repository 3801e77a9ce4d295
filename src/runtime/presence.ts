/** Keeps the process alive while it is started. Timers of the clock do not: a process that only waits for work would end. */
import type { Service } from './service.ts';

/** Node's longest interval, ms: it does nothing but be there. */
const FOREVER = 2 ** 31 - 1;

export class Presence implements Service {
  #timer: NodeJS.Timeout | undefined;

  async start(): Promise<void> {
    this.#timer ??= setInterval(() => undefined, FOREVER);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
