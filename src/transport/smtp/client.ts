/** The client's side of SMTP without a socket: the relay's bytes and our transactions go in, commands and outcomes come out (RFC 5321, RFC 2920). */
import type { Outcome } from '../../mail/outcome.ts';
import type { Reply } from '../../mail/reply.ts';
import { type Classified, classify, type Rule, type Stage } from '../classify.ts';
import { noSmtpFault, unexpectedFault } from '../faults.ts';
import type { Transaction } from './commands.ts';
import { type Command, Flow, inDoubt, type Owed } from './flow.ts';
import { HandshakeFault, type HandshakeOptions, handshake, type Session, type Step } from './handshake.ts';
import type { Wait } from './options.ts';
import { type Malformed, ReplyReader } from './replies.ts';

export type ClientEvent<T extends Transaction> =
  | { readonly type: 'write'; readonly text: string }
  /** Do the TLS handshake now, then call `tlsStarted`. */
  | { readonly type: 'startTls' }
  | { readonly type: 'ready'; readonly session: Session }
  /** The relay wants the content: write it dot-stuffed, then call `contentWritten`. */
  | { readonly type: 'content'; readonly transaction: T }
  | { readonly type: 'outcome'; readonly transaction: T; readonly outcomes: readonly Outcome[] }
  /** The relay had served others on this connection and said nothing about this one: another connection may take it. */
  | { readonly type: 'returned'; readonly transaction: T }
  /** End the connection. `fault` is what ended it; null when we did. */
  | { readonly type: 'closed'; readonly fault: Classified | null };

const DOT: Owed = { wait: 'dot', index: -1 };
const RESET: Command = { text: 'RSET\r\n', owed: { wait: 'reset', index: -1 } };
const QUIT: Owed = { wait: 'quit', index: -1 };

/** Stands for the reply that a finished TLS handshake is. */
const TLS_DONE: Reply = { code: 220, text: '' };

export class SmtpClient<T extends Transaction> {
  readonly #peer: string;
  readonly #rules: readonly Rule[] | undefined;
  readonly #reader = new ReplyReader();
  readonly #steps: Generator<Step, Session, Reply>;
  #state: 'handshake' | 'tls' | 'open' | 'quitting' | 'closed' = 'handshake';
  #stage: Step['stage'] = 'greeting';
  /** The reply that handshake and QUIT wait for. */
  #owed: Owed;
  #session: Session | null = null;
  /** The transaction whose replies come, and behind it the one that was written together with its final dot. */
  readonly #flows: Flow<T>[] = [];
  #served = 0;
  #proved = false;
  /** The relay still has a transaction open, which the next one must reset. */
  #unclean = false;
  #events: ClientEvent<T>[] = [];

  constructor(options: HandshakeOptions, rules?: readonly Rule[]) {
    this.#peer = options.peer;
    this.#rules = rules;
    this.#steps = handshake(options);
    this.#owed = { wait: (this.#steps.next().value as Step).stage, index: -1 };
  }

  /** May be given a transaction with `begin`. */
  get idle(): boolean {
    return this.#state === 'open' && this.#flows.length === 0;
  }

  /** Transactions begun so far. */
  get served(): number {
    return this.#served;
  }

  /** A transaction may go out behind the final dot of the one before. */
  get looksAhead(): boolean {
    return this.#session?.extensions.has('PIPELINING') === true;
  }

  /** The transaction whose content is to be written now. */
  get writing(): T | null {
    const flow = this.#flows[0];
    return flow?.phase === 'content' ? flow.transaction : null;
  }

  /** The transaction that would be in doubt if the connection broke now. */
  get doubtful(): T | null {
    const flow = this.#flows[0];
    return flow?.phase === 'dot' ? flow.transaction : null;
  }

  /** The relay has answered a transaction: it takes part, and a later break is no sign that it is down. */
  get proved(): boolean {
    return this.#proved;
  }

  /** The reply that is owed next: the same object until it has come; null while none is. */
  get awaits(): { readonly wait: Wait } | null {
    if (this.#state === 'open') return this.#flows[0]?.owed[0] ?? null;
    return this.#state === 'closed' ? null : this.#owed;
  }

  /** Bytes from the relay. */
  receive(bytes: Uint8Array): ClientEvent<T>[] {
    if (this.#isDeaf()) return [];
    for (const reply of this.#reader.read(bytes)) {
      // What came in one piece with the reply to STARTTLS was said in clear, by whomever (CVE-2011-0411).
      if (this.#isDeaf()) break;
      this.#reply(reply);
    }
    return this.#take();
  }

  #isDeaf(): boolean {
    return this.#state === 'tls' || this.#state === 'closed';
  }

  /** The TLS handshake that `startTls` asked for is done. */
  tlsStarted(): ClientEvent<T>[] {
    this.#reader.reset();
    this.#state = 'handshake';
    this.#advance(TLS_DONE);
    return this.#take();
  }

  /** A transaction on an idle connection. */
  begin(transaction: T): ClientEvent<T>[] {
    this.#begin(transaction);
    return this.#take();
  }

  /** The content is written but for its end of data, `end`. The commands of `next` go out in the same write (RFC 2920 3.1). */
  contentWritten(end: string, next?: T): ClientEvent<T>[] {
    const flow = this.#flows[0];
    if (flow?.phase !== 'content') return [];
    flow.phase = 'dot';
    this.#send(flow, { text: end, owed: DOT });
    if (next !== undefined) this.#begin(next);
    return this.#take();
  }

  quit(): ClientEvent<T>[] {
    if (!this.idle) return [];
    this.#state = 'quitting';
    this.#owed = QUIT;
    this.#write('QUIT\r\n');
    return this.#take();
  }

  /** The connection is broken, or is given up, for the reason that `fault` gives; `stage` says where when no command tells it. */
  broke(fault: Reply, stage?: Stage): ClientEvent<T>[] {
    if (this.#state !== 'closed') this.#break(fault, stage);
    return this.#take();
  }

  #take(): ClientEvent<T>[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Commands that follow each other become one write. */
  #write(text: string): void {
    const last = this.#events.at(-1);
    if (last?.type === 'write') this.#events[this.#events.length - 1] = { type: 'write', text: last.text + text };
    else this.#events.push({ type: 'write', text });
  }

  #send(flow: Flow<T>, command: Command): void {
    flow.owed.push(command.owed);
    this.#write(command.text);
  }

  #reply(reply: Reply | Malformed): void {
    if ('malformed' in reply) this.#break(noSmtpFault(this.#peer, reply.malformed));
    else if (this.#state === 'handshake') this.#advance(reply);
    else if (this.#state === 'quitting') this.#close(null);
    else if (this.#flows[0] === undefined) this.#close(classify('lost', reply, this.#rules));
    else this.#replyTo(this.#flows[0], reply);
  }

  #replyTo(flow: Flow<T>, reply: Reply): void {
    const owed = flow.owed.shift();
    if (reply.code === 421) {
      this.#closing(flow, owed, reply);
    } else if (owed === undefined) {
      this.#early(flow, reply);
    } else {
      if (owed.wait !== 'reset') this.#proved = flow.answered = true;
      this.#answer(flow, owed, reply);
    }
  }

  // Before the first transaction

  #advance(reply: Reply): void {
    try {
      const next = this.#steps.next(reply);
      if (next.done) this.#open(next.value);
      else this.#ask(next.value);
    } catch (error) {
      if (!(error instanceof HandshakeFault)) throw error;
      this.#close(classify(error.stage, error.reply, this.#rules));
    }
  }

  #ask({ stage, command }: Step): void {
    this.#stage = stage;
    this.#owed = { wait: stage, index: -1 };
    if (command !== null) {
      this.#write(`${command}\r\n`);
    } else {
      this.#state = 'tls';
      this.#events.push({ type: 'startTls' });
    }
  }

  #open(session: Session): void {
    this.#session = session;
    this.#state = 'open';
    this.#events.push({ type: 'ready', session });
  }

  // Transactions

  #begin(transaction: T): void {
    const flow = new Flow(transaction, (this.#session as Session).extensions, this.#served === 0);
    if (flow.settled) {
      this.#events.push({ type: 'outcome', transaction, outcomes: flow.outcomes as Outcome[] });
      return;
    }
    this.#served++;
    this.#flows.push(flow);
    if (this.#unclean) flow.commands.unshift(RESET);
    this.#unclean = false;
    const together = this.looksAhead ? flow.commands.length : 1;
    for (const command of flow.commands.splice(0, together)) this.#send(flow, command);
  }

  #answer(flow: Flow<T>, owed: Owed, reply: Reply): void {
    if (owed.wait === 'dot') {
      this.#ended(flow, reply);
    } else if (owed.wait === 'data') {
      this.#wanted(flow, reply);
    } else {
      if (owed.wait === 'mail' && reply.code >= 300) this.#mailRefused(flow, reply);
      if (owed.wait === 'rcpt' && !flow.failed) this.#asked(flow, owed.index, reply);
      this.#continue(flow);
    }
  }

  #mailRefused(flow: Flow<T>, reply: Reply): void {
    flow.failed = true;
    flow.settle(classify('mail', reply, this.#rules));
  }

  #asked(flow: Flow<T>, index: number, reply: Reply): void {
    if (reply.code < 300) flow.accepted++;
    else flow.outcomes[index] = classify('rcpt', reply, this.#rules);
  }

  /** Without PIPELINING: the next command, unless there is nobody left to send to. */
  #continue(flow: Flow<T>): void {
    const next = flow.commands.shift();
    if (next === undefined) return;
    if (flow.failed || (next.owed.wait === 'data' && flow.accepted === 0)) this.#finish(flow, !flow.failed);
    else this.#send(flow, next);
  }

  /** The reply to DATA. */
  #wanted(flow: Flow<T>, reply: Reply): void {
    if (reply.code === 354) {
      this.#granted(flow);
    } else if (reply.code < 400) {
      this.#break(unexpectedFault(this.#peer, 'DATA', reply));
    } else {
      flow.settle(classify('data', reply, this.#rules));
      this.#finish(flow, !flow.failed);
    }
  }

  #granted(flow: Flow<T>): void {
    if (flow.accepted > 0) {
      flow.phase = 'content';
      this.#events.push({ type: 'content', transaction: flow.transaction });
    } else if (flow.failed) {
      // It refused the sender and wants a content all the same: whatever it means, it gets none.
      this.#finish(flow, false);
      this.#close(null);
    } else {
      // RFC 2920 3.1: a relay may say 354 though it refused every recipient; an empty content ends that.
      flow.phase = 'void';
      this.#send(flow, { text: '.\r\n', owed: DOT });
    }
  }

  /** The reply to the end of data. Whatever it says, the transaction is over at the relay's side too. */
  #ended(flow: Flow<T>, reply: Reply): void {
    if (flow.phase === 'dot') flow.settle(this.#verdict(reply));
    this.#finish(flow, false);
  }

  #verdict(reply: Reply): Outcome {
    const outcome = classify('dot', reply, this.#rules);
    const dsn = this.#session?.extensions.has('DSN') === true;
    return outcome.kind === 'sent' ? { ...outcome, dsn } : outcome;
  }

  /** A reply nobody asked for: while content goes out it is the answer to it, and no more of it can be sent. */
  #early(flow: Flow<T>, reply: Reply): void {
    if (reply.code < 400) {
      this.#break(unexpectedFault(this.#peer, 'the content before its end', reply));
      return;
    }
    flow.settle(classify('dot', reply, this.#rules));
    this.#finish(flow, false);
    this.#close(null);
  }

  /** 421: the relay says goodbye, and answers nothing that was written after it. */
  #closing(flow: Flow<T>, owed: Owed | undefined, reply: Reply): void {
    const fault = classify(stageOf(owed?.wait ?? 'dot'), reply, this.#rules);
    if (!flow.canMove) {
      flow.settle(fault);
      this.#finish(flow, false);
    }
    this.#close(fault);
  }

  #break(reply: Reply, stage?: Stage): void {
    const flow = this.#flows[0];
    const fault = classify(stage ?? this.#breakStage(flow), reply, this.#rules);
    if (flow !== undefined && !flow.canMove) {
      flow.settle(flow.phase === 'dot' ? inDoubt(fault) : fault);
      this.#finish(flow, false);
    }
    this.#close(this.#state === 'quitting' ? null : fault);
  }

  #breakStage(flow: Flow<T> | undefined): Stage {
    if (this.#state === 'handshake' || this.#state === 'tls') return this.#stage;
    return flow?.phase === 'content' || flow?.phase === 'dot' ? 'cut' : 'lost';
  }

  #finish(flow: Flow<T>, unclean: boolean): void {
    this.#flows.shift();
    this.#unclean = unclean;
    this.#events.push({ type: 'outcome', transaction: flow.transaction, outcomes: flow.outcomes as Outcome[] });
  }

  /** Whatever is still under way has no word from the relay yet, and may go another way. */
  #close(fault: Classified | null): void {
    for (const { transaction } of this.#flows.splice(0)) this.#events.push({ type: 'returned', transaction });
    this.#state = 'closed';
    this.#events.push({ type: 'closed', fault });
  }
}

/** The row of the table to look under for a reply that was awaited there. */
function stageOf(wait: Wait): Stage {
  return wait === 'block' || wait === 'reset' || wait === 'quit' ? 'lost' : wait;
}
