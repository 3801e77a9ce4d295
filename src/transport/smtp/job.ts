/** One transaction that waits for a connection, and the promise that its caller holds. */
import type { Envelope } from '../../mail/envelope.ts';
import type { Outcome } from '../../mail/outcome.ts';
import type { Content } from '../transport.ts';
import type { Transaction } from './commands.ts';

export class Job implements Transaction {
  readonly envelope: Envelope;
  readonly content: Content;
  readonly done: Promise<readonly Outcome[]>;
  /** Its caller has its answer; whatever still comes is of no use. */
  settled = false;
  /** Called once, when it is. */
  whenSettled: (() => void) | null = null;
  #resolve!: (outcomes: readonly Outcome[]) => void;
  #reject!: (error: unknown) => void;

  constructor(envelope: Envelope, content: Content) {
    this.envelope = envelope;
    this.content = content;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  finish(outcomes: readonly Outcome[]): void {
    this.#settle();
    this.#resolve(outcomes);
  }

  /** The same for every recipient. */
  finishAll(outcome: Outcome): void {
    this.finish(this.envelope.recipients.map(() => outcome));
  }

  /** Our own fault, not the relay's: the content could not be read. */
  fail(error: unknown): void {
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.settled = true;
    this.whenSettled?.();
    this.whenSettled = null;
  }
}
