/** The client's side of SMTP without a socket: the relay's bytes and our transactions go in, commands and outcomes come out (RFC 5321, RFC 2920). */
import type { Outcome } from '../../mail/outcome.ts';
import type { Reply } from '../../mail/reply.ts';
import { type Classified, classify, type Rule, type Stage } from '../classify.ts';
import { endlessFault, noSmtpFault, unexpectedFault } from '../faults.ts';
import type { Transaction } from './commands.ts';
import type { Credentials } from './credentials.ts';
import { type Command, DOT, Flow, inDoubt, type Owed, type Turn } from './flow.ts';
import type { HandshakeOptions, Session } from './handshake.ts';
import { Opening } from './opening.ts';
import type { Wait } from './options.ts';
import { type Endless, type Malformed, ReplyReader } from './replies.ts';
import { SaidSecrets } from './said.ts';
import { type Given, type Step, TLS_DONE } from './steps.ts';

export type ClientEvent<T extends Transaction> =
  | { readonly type: 'write'; readonly text: string }
  /** Do the TLS handshake now, then call `tlsStarted`. */
  | { readonly type: 'startTls' }
  /** Give credentials with `login`; `rejected` are those that the relay has just refused. Where there are none, it `broke` at `auth`. */
  | { readonly type: 'credentials'; readonly rejected: Credentials | null }
  | { readonly type: 'ready'; readonly session: Session }
  /** The relay wants the content: write it dot-stuffed, then call `contentWritten`. */
  | { readonly type: 'content'; readonly transaction: T }
  | { readonly type: 'outcome'; readonly transaction: T; readonly outcomes: readonly Outcome[] }
  /** The relay had served others on this connection and said nothing about this one: another connection may take it. */
  | { readonly type: 'returned'; readonly transaction: T }
  /** End the connection. `fault` is what ended it; null when we did. */
  | { readonly type: 'closed'; readonly fault: Classified | null };

const RESET: Command = { text: 'RSET\r\n', owed: { wait: 'reset', index: -1 } };
const QUIT: Owed = { wait: 'quit', index: -1 };

export class SmtpClient<T extends Transaction> {
  readonly #peer: string;
  readonly #rules: readonly Rule[] | undefined;
  readonly #reader = new ReplyReader();
  readonly #opening: Opening;
  readonly #said = new SaidSecrets();
  #state: 'opening' | 'open' | 'quitting' | 'closed' = 'opening';
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
    this.#opening = new Opening(options);
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
    if (this.#state === 'opening') return this.#opening.awaits;
    if (this.#state === 'open') return this.#flows[0]?.owed[0] ?? null;
    return this.#state === 'quitting' ? QUIT : null;
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
    return this.#state === 'closed' || (this.#state === 'opening' && this.#opening.wants === 'tls');
  }

  /** The TLS handshake that `startTls` asked for is done. */
  tlsStarted(): ClientEvent<T>[] {
    this.#reader.reset();
    this.#advance(TLS_DONE);
    return this.#take();
  }

  /** The credentials that were asked for. */
  login(credentials: Credentials): ClientEvent<T>[] {
    if (this.#state === 'opening' && this.#opening.wants === 'credentials') {
      this.#said.add(credentials);
      this.#advance(credentials);
    }
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
    return this.#said.isEmpty ? events : events.map((event) => this.#discreet(event));
  }

  /** Only here: what a reply means is read from all that it says. */
  #discreet(event: ClientEvent<T>): ClientEvent<T> {
    if (event.type === 'outcome')
      return { ...event, outcomes: event.outcomes.map((outcome) => this.#said.hiddenIn(outcome)) };
    if (event.type === 'closed' && event.fault !== null) return { ...event, fault: this.#said.hiddenIn(event.fault) };
    return event;
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

  #reply(reply: Reply | Malformed | Endless): void {
    if ('endless' in reply) this.#break(endlessFault(this.#peer, this.awaits?.wait));
    else if ('malformed' in reply) this.#break(noSmtpFault(this.#peer, reply.malformed));
    else if (this.#state === 'opening') this.#opened(reply);
    else if (this.#state === 'quitting') this.#close(null);
    else if (this.#flows[0] === undefined) this.#close(classify('lost', reply, this.#rules));
    else this.#replyTo(this.#flows[0], reply);
  }

  #replyTo(flow: Flow<T>, reply: Reply): void {
    const owed = flow.owed.shift();
    if (reply.code === 421) {
      this.#closing(flow, owed, reply);
    } else if (owed === undefined) {
      this.#turn(flow, flow.early(reply), reply);
    } else {
      if (owed.wait !== 'reset') this.#proved = true;
      this.#turn(flow, flow.answer(owed, reply), reply);
    }
  }

  #turn(flow: Flow<T>, turn: Turn, reply: Reply): void {
    if (turn.kind === 'say') this.#send(flow, turn.command);
    else if (turn.kind === 'content') this.#events.push({ type: 'content', transaction: flow.transaction });
    else if (turn.kind === 'confused') this.#break(unexpectedFault(this.#peer, turn.at, reply));
    else if (turn.kind === 'end') this.#end(flow, turn.unclean, turn.leave);
  }

  // Before the first transaction

  /** A reply while credentials are looked for answers nothing: the relay has had enough. */
  #opened(reply: Reply): void {
    if (this.#opening.wants === 'credentials') this.#close(classify('auth', reply, this.#rules));
    else this.#advance(reply);
  }

  #advance(given: Given): void {
    const next = this.#opening.advance(given);
    if ('session' in next) this.#open(next.session);
    else if ('fault' in next) this.#close(classify(next.fault.stage, next.fault.reply, this.#rules));
    else this.#ask(next);
  }

  #ask(step: Step): void {
    if (step.stage === 'auth' && step.wants === 'reply') this.#said.addLine(step.command ?? '');
    if (step.wants === 'reply') this.#write(`${step.command}\r\n`);
    else if (step.wants === 'tls') this.#events.push({ type: 'startTls' });
    else this.#events.push({ type: 'credentials', rejected: step.refused?.credentials ?? null });
  }

  #open(session: Session): void {
    this.#session = session;
    this.#state = 'open';
    this.#events.push({ type: 'ready', session });
  }

  // Transactions

  #begin(transaction: T): void {
    const flow = new Flow(transaction, (this.#session as Session).extensions, this.#served === 0, this.#rules);
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

  /** 421: the relay says goodbye, and answers nothing that was written after it. */
  #closing(flow: Flow<T>, owed: Owed | undefined, reply: Reply): void {
    const fault = classify(stageOf(owed?.wait ?? 'dot'), reply, this.#rules);
    this.#close(flow.canMove ? fault : this.#fail(flow, owed, fault, fault));
  }

  #break(broken: Reply, stage?: Stage): void {
    const flow = this.#flows[0];
    // A relay that hangs up on a login that it refused has said why.
    const reply = (stage === undefined && this.#state === 'opening' && this.#opening.refusal) || broken;
    const fault = classify(stage ?? this.#breakStage(flow), reply, this.#rules);
    const outcome = flow?.phase === 'dot' ? inDoubt(fault) : fault;
    const ended = flow === undefined || flow.canMove ? fault : this.#fail(flow, flow.owed[0], outcome, fault);
    this.#close(this.#state === 'quitting' ? null : ended);
  }

  /** The end of a transaction with its connection. Answers with the fault as those have met it who were to follow. */
  #fail(flow: Flow<T>, owed: Owed | undefined, outcome: Outcome, fault: Classified): Classified {
    flow.settle(outcome, owed);
    this.#end(flow, false, false);
    return fault.kind === 'deferred' && owed?.wait !== 'reset' ? { ...fault, during: 'other' } : fault;
  }

  #breakStage(flow: Flow<T> | undefined): Stage {
    if (this.#state === 'opening') return this.#opening.stage;
    return flow?.phase === 'content' || flow?.phase === 'dot' ? 'cut' : 'lost';
  }

  #end(flow: Flow<T>, unclean: boolean, leave: boolean): void {
    this.#flows.shift();
    this.#unclean = unclean;
    this.#events.push({ type: 'outcome', transaction: flow.transaction, outcomes: flow.outcomes as Outcome[] });
    if (leave) this.#close(null);
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
  if (wait === 'credentials') return 'auth';
  return wait === 'block' || wait === 'reset' || wait === 'quit' ? 'lost' : wait;
}
