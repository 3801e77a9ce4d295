/** One transaction under way: its commands, the replies it is owed, and what has come of each recipient. */
import type { Outcome } from '../../mail/outcome.ts';
import { mailCommand, preflight, rcptCommand, type Transaction } from './commands.ts';
import type { Extensions } from './extensions.ts';
import type { Wait } from './options.ts';

/** A reply that is owed. `index` is the place in the envelope, for RCPT. */
export interface Owed {
  readonly wait: Wait;
  readonly index: number;
}

export interface Command {
  readonly text: string;
  readonly owed: Owed;
}

/** `envelope` up to the reply to DATA; `content` while it is written; `dot` after it; `void` after a lone dot with no recipients. */
type Phase = 'envelope' | 'content' | 'dot' | 'void';

const MAIL: Owed = { wait: 'mail', index: -1 };
const DATA: Command = { text: 'DATA\r\n', owed: { wait: 'data', index: -1 } };

export class Flow<T extends Transaction> {
  readonly transaction: T;
  /** Nothing went over the connection before this one. */
  readonly first: boolean;
  /** What is not written yet. */
  readonly commands: Command[];
  /** Replies to what is written, next one first. */
  readonly owed: Owed[] = [];
  phase: Phase = 'envelope';
  /** The relay has said something about it. */
  answered = false;
  /** MAIL was refused, so nothing that follows counts. */
  failed = false;
  /** Recipients that the relay took, still without an outcome. */
  accepted = 0;
  /** By the place in the envelope; undefined while it is open. */
  readonly outcomes: (Outcome | undefined)[];

  constructor(transaction: T, extensions: Extensions, first: boolean) {
    this.transaction = transaction;
    this.first = first;
    this.outcomes = preflight(transaction, extensions);
    this.commands = this.#write(extensions);
  }

  #write(extensions: Extensions): Command[] {
    const commands: Command[] = [{ text: mailCommand(this.transaction, extensions), owed: MAIL }];
    for (const [index, recipient] of this.transaction.envelope.recipients.entries()) {
      if (this.outcomes[index] !== undefined) continue;
      commands.push({ text: rcptCommand(recipient, extensions), owed: { wait: 'rcpt', index } });
    }
    if (commands.length === 1) return [];
    commands.push(DATA);
    return commands;
  }

  /** True when no recipient is left to ask about. */
  get settled(): boolean {
    return !this.outcomes.includes(undefined);
  }

  /** Everyone who has no outcome yet gets this one. */
  settle(outcome: Outcome): void {
    for (const [index, known] of this.outcomes.entries()) if (known === undefined) this.outcomes[index] = outcome;
  }

  /**
   * Another connection may take it without anybody noticing: the relay said nothing about it, on a connection that had served
   * others and may have been dead since.
   */
  get canMove(): boolean {
    return !this.first && !this.answered;
  }
}

/** The content went out whole, and nobody knows what the relay did with it. */
export function inDoubt(outcome: Outcome): Outcome {
  return {
    kind: 'deferred',
    scope: outcome.kind === 'deferred' ? outcome.scope : 'message',
    reply: outcome.reply,
    inDoubt: true,
  };
}
