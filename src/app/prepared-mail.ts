/** A message that is rendered and checked before the transaction begins that keeps it. */
import type { NewMessage } from '../queue/message.ts';
import type { Inserted } from '../queue/store.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Callers } from '../store/callers/callers.ts';
import { type QueuedInfo, queuedInfo } from '../submission/nodemailer.ts';
import type { TransactionHandle } from './transactions.ts';

/** What a prepared message needs to be kept. */
export interface PreparedParts {
  readonly message: NewMessage;
  readonly info: QueuedInfo;
  readonly callers: Callers;
  /** Throws when the queue is closed. */
  readonly checkOpen: () => void;
  readonly expect: (message: NewMessage) => void;
}

/** Made by `queue.prepare`. Kept by the commit of the transaction that it is submitted to; a transaction that is run again may submit it again. */
export class PreparedMail {
  readonly #parts: PreparedParts;
  /** To a transaction that may have been rolled back. */
  #submittedOnce = false;

  /** @internal `queue.prepare` makes one. */
  constructor(parts: PreparedParts) {
    this.#parts = parts;
  }

  /** The queue id that it will have, unless its key is taken. */
  get id(): string {
    return this.#parts.info.id;
  }

  /** With its angle brackets. */
  get messageId(): string {
    return this.#parts.info.messageId;
  }

  /**
   * Puts the message into the transaction. It is kept when the application commits that, sent at once then, and gone without a trace when it
   * is rolled back. Throws TRANSACTION_UNKNOWN, TRANSACTION_NOT_OPEN, TRANSACTION_ELSEWHERE, KEY_CONFLICT, ALREADY_SUBMITTED, NOT_FOUND for a large content that was
   * prepared more than an hour ago, STOPPED, and what the transaction's library throws.
   */
  async submit(transaction: TransactionHandle): Promise<QueuedInfo> {
    const { callers, message, checkOpen } = this.#parts;
    checkOpen();
    const joined = await callers.join(transaction);
    return this.#submitted(await joined.insert(message, systemClock.now(), this.#again()));
  }

  /** The same at once, for the synchronous transactions of better-sqlite3, node:sqlite and Drizzle on top of it. */
  submitSync(transaction: TransactionHandle): QueuedInfo {
    const { callers, message, checkOpen } = this.#parts;
    checkOpen();
    return this.#submitted(callers.insertSync(transaction, message, systemClock.now(), this.#again()));
  }

  #again(): boolean {
    const again = this.#submittedOnce;
    this.#submittedOnce = true;
    return again;
  }

  #submitted(inserted: Inserted): QueuedInfo {
    const { message, info, expect } = this.#parts;
    if (!inserted.duplicate) expect(message);
    return queuedInfo(info, inserted, message.message.key);
  }
}
