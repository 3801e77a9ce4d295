/** Mail in the application's own transactions: rendered here, written there, and sent after their commit. */
import type { NewMessage } from '../queue/message.ts';
import type { Draft, Queue } from '../queue/queue.ts';
import type { Inserted } from '../queue/store.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Callers, CallersTransaction } from '../store/callers/callers.ts';
import type { MessageQueue } from '../submission/nodemailer.ts';
import { CommitWatch } from './commit-watch.ts';
import type { App } from './open.ts';

/**
 * What a library has for an open transaction: a database of better-sqlite3 or node:sqlite, a client of pg, the `sql` of a postgres.js
 * transaction, a connection of mysql2, a transaction of Prisma, Drizzle, Kysely, Knex or TypeORM, or a `TransactionAdapter`.
 */
export type TransactionHandle = object;
export type { TransactionAdapter } from '../store/callers/adapter.ts';

export class Transactions {
  readonly #app: App;
  readonly #watch: CommitWatch;
  #callers: Promise<Callers> | undefined;

  constructor(app: App) {
    this.#app = app;
    this.#watch = new CommitWatch(app.store, app.queue, systemClock);
  }

  /** Loaded on demand: most applications have no use for it. */
  callers(): Promise<Callers> {
    this.#callers ??= import('../store/callers/open.ts').then(({ openCallers }) =>
      openCallers(this.#app.config.database, this.#app.store),
    );
    return this.#callers;
  }

  /** The queue of one message that is to go into a transaction. */
  async queueFor(handle: TransactionHandle): Promise<MessageQueue> {
    if (handle instanceof Preparation) return handle;
    const callers = await this.callers();
    return new EnlistedQueue(this.#app.queue, await callers.join(handle), (message) => this.expect(message));
  }

  preparation(): Preparation {
    return new Preparation(this.#app.queue);
  }

  expect(message: NewMessage): void {
    this.#watch.expect(message);
  }

  end(): void {
    this.#watch.end();
  }
}

/** A queue whose messages go into one transaction of the application's, large contents too. */
class EnlistedQueue implements MessageQueue {
  failure: unknown;
  readonly #queue: Queue;
  readonly #transaction: CallersTransaction;
  readonly #expect: (message: NewMessage) => void;

  constructor(queue: Queue, transaction: CallersTransaction, expect: (message: NewMessage) => void) {
    this.#queue = queue;
    this.#transaction = transaction;
    this.#expect = expect;
  }

  newId(): Id {
    return this.#queue.newId();
  }

  async submit(draft: Draft): Promise<Inserted> {
    return this.#queue.traced(draft, async (message) => {
      const inserted = await this.#kept(this.#transaction.insert(message, systemClock.now()));
      if (!inserted.duplicate) this.#expect(message);
      return inserted;
    });
  }

  stage(id: Id, sequence: number, bytes: Uint8Array): Promise<void> {
    return this.#kept(this.#transaction.stage(id, sequence, bytes, systemClock.now()));
  }

  unstage(id: Id): Promise<void> {
    return this.#transaction.unstage(id);
  }

  /** What is not committed yet can only be rolled back. */
  async cancel(): Promise<number> {
    return 0;
  }

  async #kept<T>(result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }
}

/** A queue that composes one message and keeps nothing of it but a large content, which the store drops when no message comes for it. */
export class Preparation implements MessageQueue {
  failure: unknown;
  message: NewMessage | undefined;
  readonly #queue: Queue;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  newId(): Id {
    return this.#queue.newId();
  }

  async submit(draft: Draft): Promise<Inserted> {
    return this.#queue.traced(draft, async (message) => {
      this.message = message;
      return { id: draft.id, duplicate: false };
    });
  }

  stage(id: Id, sequence: number, bytes: Uint8Array): Promise<void> {
    return this.#queue.stage(id, sequence, bytes);
  }

  unstage(id: Id): Promise<void> {
    return this.#queue.unstage(id);
  }

  async cancel(): Promise<number> {
    return 0;
  }
}
