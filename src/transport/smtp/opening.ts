/** The opening of a connection under way: takes replies and credentials, and says what comes next. */
import type { Reply } from '../../mail/reply.ts';
import { type HandshakeOptions, handshake, type Session } from './handshake.ts';
import type { Wait } from './options.ts';
import { type Given, HandshakeFault, type OpeningStage, type Step, type Steps } from './steps.ts';

/** What came of it. */
export type Opened =
  | { readonly session: Session }
  | { readonly fault: { readonly stage: OpeningStage; readonly reply: Reply } };

export class Opening {
  readonly #steps: Steps<Session>;
  #step: Step;
  #awaits: { readonly wait: Wait };

  constructor(options: HandshakeOptions) {
    this.#steps = handshake(options);
    this.#step = this.#steps.next().value as Step;
    this.#awaits = { wait: 'greeting' };
  }

  get wants(): Step['wants'] {
    return this.#step.wants;
  }

  get stage(): OpeningStage {
    return this.#step.stage;
  }

  /** The same object until what it waits for has come. */
  get awaits(): { readonly wait: Wait } {
    return this.#awaits;
  }

  /** Why other credentials are wanted: what the relay had against the first. */
  get refusal(): Reply | null {
    return this.#step.wants === 'credentials' ? (this.#step.refused?.reply ?? null) : null;
  }

  /** Gives what was wanted. */
  advance(given: Given): Step | Opened {
    try {
      const next = this.#steps.next(given);
      if (next.done) return { session: next.value };
      this.#step = next.value;
      this.#awaits = { wait: next.value.wants === 'credentials' ? 'credentials' : next.value.stage };
      return next.value;
    } catch (error) {
      if (!(error instanceof HandshakeFault)) throw error;
      return { fault: error };
    }
  }
}
