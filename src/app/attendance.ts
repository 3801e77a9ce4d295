/** A process that takes mail and delivers none shows the others that it lives: who delivers does so with its claims. */
import type { Node } from '../queue/relay-store.ts';
import type { Store } from '../queue/store.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Service } from '../runtime/service.ts';

/** Between two signs of life, ms. */
const INTERVAL = 10_000;

export interface AttendanceParts {
  readonly store: Pick<Store, 'heartbeat' | 'forgetNode'>;
  readonly clock: Clock;
  readonly log: Log;
}

export class Attendance implements Service {
  readonly #parts: AttendanceParts;
  readonly #node: Node;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(parts: AttendanceParts, node: Node) {
    this.#parts = parts;
    this.#node = node;
  }

  async start(): Promise<void> {
    await this.#show();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#parts.store.forgetNode(this.#node.id).catch((error: unknown) => this.#missed(error));
  }

  /** A database that is away misses a sign of life, and nothing else. */
  async #show(): Promise<void> {
    const { store, clock } = this.#parts;
    await store.heartbeat({ ...this.#node, seenAt: clock.now() }).catch((error: unknown) => this.#missed(error));
    if (!this.#stopped) this.#cancel = clock.after(INTERVAL, () => void this.#show());
  }

  #missed(error: unknown): void {
    this.#parts.log.debug({ err: error }, 'no sign of life could be given');
  }
}
