/** Sees to it that mail in a transaction of the application's is sent at once when that is committed, which nobody tells us. */
import type { NewMessage } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import type { Store } from '../queue/store.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';

/** Between two looks for a message, ms, within an eighth of the time that it has been waited for: so much later at most it is found. */
const LEAST = 1;
const MOST = 10_000;
/** After so long a message is not looked for any more, ms: the transaction was rolled back, or the workers find it by themselves. */
const PATIENCE = 10 * 60_000;

/** Without the content: many may be waited for that will never come. */
type Told = Pick<NewMessage, 'message' | 'deliveries'>;

interface Awaited {
  readonly message: Told;
  readonly since: Instant;
  lookAt: Instant;
}

export class CommitWatch {
  readonly #store: Pick<Store, 'get'>;
  readonly #queue: Pick<Queue, 'committed'>;
  readonly #clock: Clock;
  readonly #awaited = new Map<Id, Awaited>();
  #cancel: (() => void) | undefined;
  #looking = false;
  #ended = false;

  constructor(store: Pick<Store, 'get'>, queue: Pick<Queue, 'committed'>, clock: Clock) {
    this.#store = store;
    this.#queue = queue;
    this.#clock = clock;
  }

  /** The message stands in a transaction that may be committed from now on. */
  expect({ message, deliveries }: Told): void {
    const since = this.#clock.now();
    this.#awaited.set(message.id, { message: { message, deliveries }, since, lookAt: since });
    // A synchronous transaction is over with this turn of the event loop.
    setImmediate(() => void this.#look());
  }

  end(): void {
    this.#ended = true;
    this.#cancel?.();
    this.#awaited.clear();
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const now = this.#clock.now();
    for (const awaited of this.#awaited.values()) if (awaited.lookAt <= now) await this.#lookFor(awaited);
    this.#looking = false;
    this.#schedule();
  }

  async #lookFor(awaited: Awaited): Promise<void> {
    const { message, since } = awaited;
    const { id } = message.message;
    // While the store cannot be asked, nothing can be sent either.
    const found = await this.#store.get(id).catch(() => null);
    const waited = this.#clock.now() - since;
    awaited.lookAt = since + waited + Math.min(MOST, Math.max(LEAST, waited / 8));
    if (found === null && waited < PATIENCE) return;
    this.#awaited.delete(id);
    if (found !== null && !this.#ended) this.#queue.committed(message);
  }

  #schedule(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#awaited.size === 0 || this.#ended) return;
    let next = Number.POSITIVE_INFINITY;
    for (const { lookAt } of this.#awaited.values()) next = Math.min(next, lookAt);
    this.#cancel = this.#clock.after(Math.max(LEAST, next - this.#clock.now()), () => void this.#look());
  }
}
