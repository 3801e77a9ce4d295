/** One message that waits for a connection, what is known of its recipients already, and the promise that its caller holds. */
import type { Envelope } from '../../mail/envelope.ts';
import type { Outcome } from '../../mail/outcome.ts';
import { isTooMany } from '../classify.ts';
import type { Content } from '../transport.ts';
import type { Transaction } from './commands.ts';

/** Transactions for recipients that the relay found too many in the one before; what is left then waits for the next attempt. */
const MAX_ROUNDS = 20;

export class Job implements Transaction {
  readonly content: Content;
  readonly done: Promise<readonly Outcome[]>;
  /** Its caller has its answer; whatever still comes is of no use. */
  settled = false;
  /** Called once, when it is. */
  whenSettled: (() => void) | null = null;
  /** Those that have no outcome yet. */
  #envelope: Envelope;
  readonly #outcomes: (Outcome | undefined)[];
  #rounds = 0;
  #resolve!: (outcomes: readonly Outcome[]) => void;
  #reject!: (error: unknown) => void;

  constructor(envelope: Envelope, content: Content) {
    this.#envelope = envelope;
    this.#outcomes = envelope.recipients.map(() => undefined);
    this.content = content;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whom the next transaction is for. */
  get envelope(): Envelope {
    return this.#envelope;
  }

  /**
   * What came of a transaction. True: some recipients were too many for it, others were sent, so the next one is worth its while;
   * `envelope` names them. Else the job is settled.
   */
  take(outcomes: readonly Outcome[]): boolean {
    const { recipients } = this.#envelope;
    const again = this.#isWorthAnother(outcomes);
    const open = this.#openPlaces();
    const left = recipients.filter((_, i) => again && isTooMany(outcomes[i]));
    for (const [i, place] of open.entries()) {
      if (!again || !isTooMany(outcomes[i])) this.#outcomes[place] = outcomes[i];
    }
    if (left.length === 0) {
      this.#finish();
      return false;
    }
    this.#rounds++;
    this.#envelope = { ...this.#envelope, recipients: left };
    return true;
  }

  #isWorthAnother(outcomes: readonly Outcome[]): boolean {
    return this.#rounds < MAX_ROUNDS && outcomes.some(isTooMany) && outcomes.some(({ kind }) => kind === 'sent');
  }

  /** The places in the first envelope of those in the present one. */
  #openPlaces(): number[] {
    return [...this.#outcomes.keys()].filter((i) => this.#outcomes[i] === undefined);
  }

  /** The same for every recipient that has none. */
  finishAll(outcome: Outcome): void {
    for (const place of this.#openPlaces()) this.#outcomes[place] = outcome;
    this.#finish();
  }

  /** Our own fault, not the relay's: the content could not be read. What was sent before is told all the same. */
  fail(error: unknown, unread: Outcome): void {
    if (this.#rounds > 0) {
      this.finishAll(unread);
      return;
    }
    this.#settle();
    this.#reject(error);
  }

  #finish(): void {
    this.#settle();
    this.#resolve(this.#outcomes as Outcome[]);
  }

  #settle(): void {
    this.settled = true;
    this.whenSettled?.();
    this.whenSettled = null;
  }
}
