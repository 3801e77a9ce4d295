/** One transaction under way: its commands, the replies it is owed, and what each reply makes of each recipient (RFC 5321 3.3). */
import type { Outcome } from '../../mail/outcome.ts';
import type { Reply } from '../../mail/reply.ts';
import { classify, type Rule } from '../classify.ts';
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

/** What follows from a reply. */
export type Turn =
  | { readonly kind: 'wait' | 'content' }
  | { readonly kind: 'say'; readonly command: Command }
  /** It is over. `unclean`: the relay still has it open. `leave`: what more the relay says cannot be told from it. */
  | { readonly kind: 'end'; readonly unclean: boolean; readonly leave: boolean }
  /** A reply that has no meaning there. */
  | { readonly kind: 'confused'; readonly at: string };

const MAIL: Owed = { wait: 'mail', index: -1 };
const DATA: Command = { text: 'DATA\r\n', owed: { wait: 'data', index: -1 } };
export const DOT: Owed = { wait: 'dot', index: -1 };

const WAIT: Turn = { kind: 'wait' };
const CONTENT: Turn = { kind: 'content' };
const OVER: Turn = { kind: 'end', unclean: false, leave: false };
const STILL_OPEN: Turn = { kind: 'end', unclean: true, leave: false };
const LEAVE: Turn = { kind: 'end', unclean: false, leave: true };

export class Flow<T extends Transaction> {
  readonly transaction: T;
  /** Nothing went over the connection before this one. */
  readonly first: boolean;
  /** What is not written yet. */
  readonly commands: Command[];
  /** Replies to what is written, next one first. */
  readonly owed: Owed[] = [];
  /** `envelope` up to the reply to DATA; `content` while it is written; `dot` after it; `void` after a lone dot with no recipients. */
  phase: 'envelope' | 'content' | 'dot' | 'void' = 'envelope';
  /** By the place in the envelope; undefined while it is open. */
  readonly outcomes: (Outcome | undefined)[];
  readonly #rules: readonly Rule[] | undefined;
  /** The relay takes over the duty to report success. */
  readonly #dsn: boolean;
  /** The relay has said something about it. */
  #answered = false;
  /** MAIL was refused, so nothing that follows counts. */
  #failed = false;
  /** Recipients that the relay took, still without an outcome. */
  #accepted = 0;

  constructor(transaction: T, extensions: Extensions, first: boolean, rules?: readonly Rule[]) {
    this.transaction = transaction;
    this.first = first;
    this.#rules = rules;
    this.#dsn = extensions.has('DSN');
    this.outcomes = preflight(transaction, extensions);
    this.commands = this.#write(extensions);
  }

  #write(extensions: Extensions): Command[] {
    const { envelope } = this.transaction;
    const commands: Command[] = [{ text: mailCommand(this.transaction, extensions), owed: MAIL }];
    for (const [index, recipient] of envelope.recipients.entries()) {
      if (this.outcomes[index] !== undefined) continue;
      commands.push({ text: rcptCommand(recipient, envelope, extensions), owed: { wait: 'rcpt', index } });
    }
    if (commands.length === 1) return [];
    commands.push(DATA);
    return commands;
  }

  /** True when no recipient is left to ask about. */
  get settled(): boolean {
    return !this.outcomes.includes(undefined);
  }

  /** Everyone who has no outcome yet gets this one, which came in answer to `owed`. */
  settle(outcome: Outcome, owed: Owed | undefined): void {
    for (const [index, known] of this.outcomes.entries()) {
      if (known === undefined) this.outcomes[index] = faultFor(index, outcome, owed);
    }
  }

  /**
   * Another connection may take it without anybody noticing: the relay said nothing about it, on a connection that had served
   * others and may have been dead since.
   */
  get canMove(): boolean {
    return !this.first && !this.#answered;
  }

  /** The reply that was owed. */
  answer(owed: Owed, reply: Reply): Turn {
    // Only 250 answers RSET (RFC 5321 4.1.1.5): what is open on a connection that says otherwise, nobody knows.
    if (owed.wait === 'reset') return reply.code < 300 ? this.#continue() : { kind: 'confused', at: 'RSET' };
    this.#answered = true;
    if (owed.wait === 'dot') return this.#ended(reply);
    if (owed.wait === 'data') return this.#wanted(reply);
    if (owed.wait === 'mail' && reply.code >= 300) this.#mailRefused(reply);
    if (owed.wait === 'rcpt' && !this.#failed) this.#asked(owed.index, reply);
    return this.#continue();
  }

  /** A reply nobody asked for: while content goes out it is the answer to it, and no more of it can be sent. */
  early(reply: Reply): Turn {
    if (reply.code < 400) return { kind: 'confused', at: 'the content before its end' };
    this.settle(classify('dot', reply, this.#rules), DOT);
    return LEAVE;
  }

  #mailRefused(reply: Reply): void {
    this.#failed = true;
    this.settle(classify('mail', reply, this.#rules), MAIL);
  }

  #asked(index: number, reply: Reply): void {
    if (reply.code < 300) this.#accepted++;
    else this.outcomes[index] = faultFor(index, classify('rcpt', reply, this.#rules), { wait: 'rcpt', index });
  }

  /** Without PIPELINING: the next command, unless there is nobody left to send to. */
  #continue(): Turn {
    const next = this.commands.shift();
    if (next === undefined) return WAIT;
    const pointless = this.#failed || (next.owed.wait === 'data' && this.#accepted === 0);
    return pointless ? this.#undone() : { kind: 'say', command: next };
  }

  /** A relay that refused MAIL has no transaction open. */
  #undone(): Turn {
    return this.#failed ? OVER : STILL_OPEN;
  }

  /** The reply to DATA. */
  #wanted(reply: Reply): Turn {
    if (reply.code === 354) return this.#granted();
    if (reply.code < 400) return { kind: 'confused', at: 'DATA' };
    this.settle(classify('data', reply, this.#rules), DATA.owed);
    return this.#undone();
  }

  #granted(): Turn {
    if (this.#accepted > 0) {
      this.phase = 'content';
      return CONTENT;
    }
    // It refused the sender and wants a content all the same: whatever it means, it gets none.
    if (this.#failed) return LEAVE;
    // RFC 2920 3.1: a relay may say 354 though it refused every recipient; an empty content ends that.
    this.phase = 'void';
    return { kind: 'say', command: { text: '.\r\n', owed: DOT } };
  }

  /** The reply to the end of data: yes or no, and the transaction is over at the relay's side too. Anything between leaves a doubt. */
  #ended(reply: Reply): Turn {
    if (reply.code >= 300 && reply.code < 400) return { kind: 'confused', at: 'the end of the content' };
    if (this.phase === 'dot') this.settle(this.#verdict(reply), DOT);
    return OVER;
  }

  #verdict(reply: Reply): Outcome {
    const outcome = classify('dot', reply, this.#rules);
    return outcome.kind === 'sent' ? { ...outcome, dsn: this.#dsn } : outcome;
  }
}

/** A fault of the relay with the mark of where it came; RSET belongs to the transaction before. */
function faultFor(index: number, outcome: Outcome, owed: Owed | undefined): Outcome {
  if (outcome.kind !== 'deferred' || outcome.scope !== 'relay' || outcome.inDoubt || owed?.wait === 'reset')
    return outcome;
  return { ...outcome, during: owed === undefined || owed.index < 0 || owed.index === index ? 'own' : 'other' };
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
