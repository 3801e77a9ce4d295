/** Watches the free space of the disk without making anybody wait for it. */
import type { Clock, Instant } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';

export interface SpaceOptions {
  /** Octets that are free where messages are kept. */
  readonly freeSpace: () => Promise<number>;
  /** Octets below which new mail is refused. */
  readonly minimum: number;
}

/** A figure older than this is asked for anew. */
const MAX_AGE_MS = 5_000;

export class SpaceGuard {
  readonly #options: SpaceOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  #low = false;
  #askedAt: Instant = Number.NEGATIVE_INFINITY;

  constructor(options: SpaceOptions, clock: Clock, log: Log) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  /** As of the last look, which is at most some seconds old while mail comes in. */
  isLow(): boolean {
    if (this.#clock.now() - this.#askedAt > MAX_AGE_MS) void this.look();
    return this.#low;
  }

  /** Never fails: where the space cannot be learned, mail is taken, and the store has the last word. */
  async look(): Promise<void> {
    this.#askedAt = this.#clock.now();
    try {
      const free = await this.#options.freeSpace();
      this.#judge(free, free < this.#options.minimum);
    } catch (error) {
      this.#log.warn({ error: String(error) }, 'free disk space unknown');
    }
  }

  #judge(free: number, low: boolean): void {
    if (low && !this.#low)
      this.#log.error({ free, minimum: this.#options.minimum }, 'disk nearly full, new mail is refused');
    if (!low && this.#low) this.#log.info({ free }, 'disk has space again');
    this.#low = low;
  }
}
