/** One connection of a scripted relay: what comes in, what the script or usage says to it. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import { type Action, type Point, usual } from './actions.ts';
import { loginTurn } from './logins.ts';
import type { Host, SeenConnection } from './seen.ts';

const END = Buffer.from('\r\n.\r\n');

export class Dialogue {
  readonly #relay: Host;
  readonly #seen: SeenConnection;
  readonly #number: number;
  #socket: Socket;
  /** Beneath the encryption: only it can be reset. */
  readonly #tcp: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #content: Buffer[] | null = null;
  /** The last octets of the content so far, which may begin its end. */
  #tail: Uint8Array = Buffer.from('\r\n');
  #busy = false;
  #dead = false;
  #slow = false;
  /** What is said slowly, when it has been. */
  #said: Promise<void> = Promise.resolve();
  #mail = '';
  #rcpts: string[] = [];
  /** The mechanism of a login that goes on, and what was said in it. */
  #auth: { readonly mechanism: string; readonly answers: string[] } | null = null;

  constructor(relay: Host, socket: Socket, seen: SeenConnection, number: number) {
    this.#relay = relay;
    this.#socket = socket;
    this.#tcp = socket;
    this.#seen = seen;
    this.#number = number;
  }

  async start(): Promise<void> {
    if (this.#relay.options.tls?.implicit) await this.#perform('tls', '', () => this.#encrypt());
    else this.#listen();
    await this.#perform('connect', '', () => this.#say('220 scripted.example ESMTP'));
  }

  #listen(): void {
    this.#socket.on('data', (bytes: Buffer) => {
      this.#seen.reads++;
      this.#relay.changed();
      this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
      void this.#run();
    });
    this.#socket.on('end', () => this.#socket.end());
  }

  /** Works off what has come, in order; the replies of one turn leave together. */
  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#socket.cork();
    for (let work = this.#next(); work !== null; work = this.#next()) {
      const doing = work();
      if (doing === undefined) continue;
      this.#socket.uncork();
      await doing;
      this.#socket.cork();
    }
    this.#socket.uncork();
    this.#busy = false;
    this.#relay.changed();
  }

  #next(): (() => Promise<void> | undefined) | null {
    if (this.#dead || this.#rest.length === 0) return null;
    if (this.#content !== null) return this.#nextContent(this.#content);
    const end = this.#rest.indexOf('\r\n');
    if (end < 0) return null;
    const line = this.#rest.toString('utf8', 0, end);
    this.#rest = this.#rest.subarray(end + 2);
    this.#seen.commands.push(line);
    return () => (this.#auth === null ? this.#command(line) : this.#perform('answer', line, () => this.#answer(line)));
  }

  #nextContent(parts: Buffer[]): (() => Promise<void> | undefined) | null {
    const first = parts.length === 0;
    const tail = this.#tail;
    const joined = Buffer.concat([tail, this.#rest]);
    const end = joined.indexOf(END);
    const taken = end < 0 ? this.#rest : this.#rest.subarray(0, end + END.length - tail.length);
    this.#rest = this.#rest.subarray(taken.length);
    this.#tail = Buffer.concat([tail, taken.subarray(-4)]).subarray(-4);
    parts.push(taken);
    if (first && this.#relay.script.block !== undefined)
      return () => this.#perform('block', '', () => this.#endWhen(end >= 0));
    return () => this.#endWhen(end >= 0);
  }

  #endWhen(complete: boolean): Promise<void> | undefined {
    if (!complete || this.#content === null) return undefined;
    const content = unstuff(Buffer.concat(this.#content));
    this.#content = null;
    this.#relay.received.push({
      connection: this.#number,
      mail: this.#mail,
      rcpts: this.#rcpts,
      sender: path(this.#mail),
      recipients: this.#rcpts.map(path),
      content,
      refused: false,
    });
    this.#mail = '';
    this.#rcpts = [];
    return this.#perform('dot', '', () => this.#say('250 2.0.0 taken'));
  }

  #command(line: string): Promise<void> | undefined {
    const verb = (/^[a-z]+/i.exec(line)?.[0] ?? '').toLowerCase();
    const point = verb in USUAL ? (verb as keyof typeof USUAL) : 'other';
    return this.#perform(point, line, () => this[USUAL[point]](line));
  }

  /** What the script says, or else what is usual. */
  #perform(point: Point, command: string, asUsual: () => void | Promise<void>): Promise<void> | undefined {
    const action = this.#relay.pass(point, command);
    const done = action === usual ? asUsual() : this.#act(action, point, command, asUsual);
    return done ?? undefined;
  }

  async #act(action: Action, point: Point, command: string, asUsual: () => void | Promise<void>): Promise<void> {
    if (typeof action === 'string') return this.#reply(action, point, command);
    if (action.kind === 'usual') return asUsual();
    if (action.kind === 'raw') return void this.#socket.write(action.octets, 'latin1');
    if (action.kind === 'sequence') {
      for (const one of action.actions) await this.#act(one, point, command, asUsual);
      return;
    }
    if (action.kind === 'after') {
      await action.wait;
      return this.#act(action.then, point, command, asUsual);
    }
    if (action.kind === 'slow') return this.#slowly(asUsual);
    if (action.kind === 'drop-after-usual') await asUsual();
    if (action.kind === 'trickle') return this.#trickle(action.octets, action.everyMs);
    this.#end(action.kind);
  }

  /** A reply of the script; one that agrees has the effect of the usual one. */
  #reply(text: string, point: Point, command: string): void {
    if (point === 'mail' && text.startsWith('2')) this.#mail = command;
    if (point === 'mail') this.#seen.mails.push(command);
    if (point === 'rcpt' && text.startsWith('2')) this.#rcpts.push(command);
    if (point === 'data' && text.startsWith('354')) this.#begin();
    if (point === 'answer') this.#auth = null;
    if (point === 'dot' && /^[45]/.test(text)) (this.#relay.received.at(-1) as Host['received'][number]).refused = true;
    this.#say(text);
  }

  #end(kind: 'drop' | 'drop-after-usual' | 'reset' | 'half-close' | 'silence'): void {
    this.#dead = true;
    if (kind === 'reset') this.#tcp.resetAndDestroy();
    else if (kind === 'silence') this.#socket.pause();
    else if (kind === 'half-close') this.#socket.end();
    else this.#socket.destroySoon();
  }

  #trickle(octets: string, everyMs: number): void {
    let at = 0;
    const timer = setInterval(() => this.#socket.write(octets[at++ % octets.length] as string), everyMs);
    this.#socket.once('close', () => clearInterval(timer));
    this.#dead = true;
  }

  #say(text: string): void {
    const line = `${text.replaceAll('\n', '\r\n')}\r\n`;
    if (this.#slow) this.#said = this.#said.then(() => this.#spell(line));
    else if (this.#socket.writable) this.#socket.write(line);
  }

  async #slowly(asUsual: () => void | Promise<void>): Promise<void> {
    this.#slow = true;
    await asUsual();
    this.#slow = false;
    await this.#said;
  }

  async #spell(line: string): Promise<void> {
    for (const octet of line) {
      if (this.#socket.writable) this.#socket.write(octet);
      await turn();
    }
  }

  // What is usual

  ehlo(): void {
    const { tls, login } = this.#relay.options;
    const offers = [...this.#relay.extensions];
    if (tls && !this.#seen.encrypted) offers.push('STARTTLS');
    if (login) offers.push(`AUTH ${login.mechanisms.join(' ')}`);
    const lines = ['scripted.example', ...offers];
    this.#say(lines.map((line, i) => `250${i === lines.length - 1 ? ' ' : '-'}${line}`).join('\n'));
  }

  helo(): void {
    this.#say('250 scripted.example');
  }

  mail(line: string): void {
    if (this.#mail !== '') {
      this.#say('503 5.5.1 nested MAIL');
      return;
    }
    this.#mail = line;
    this.#seen.mails.push(line);
    this.#say('250 2.1.0 ok');
  }

  rcpt(line: string): void {
    if (this.#mail === '') {
      this.#say('503 5.5.1 MAIL first');
      return;
    }
    this.#rcpts.push(line);
    this.#say('250 2.1.5 ok');
  }

  data(): void {
    if (this.#rcpts.length === 0) {
      this.#say('554 5.5.1 no valid recipients');
      return;
    }
    this.#begin();
    this.#say('354 go ahead');
  }

  #begin(): void {
    this.#content = [];
    this.#tail = Buffer.from('\r\n');
  }

  rset(): void {
    this.#mail = '';
    this.#rcpts = [];
    this.#say('250 2.0.0 ok');
  }

  quit(): void {
    this.#say('221 2.0.0 bye');
    this.#dead = true;
    if (this.#slow) void this.#said.then(() => this.#socket.end());
    else this.#socket.end();
  }

  other(): void {
    this.#say('502 5.5.1 unknown');
  }

  async starttls(): Promise<void> {
    this.#say('220 2.0.0 go ahead');
    if (this.#slow) await this.#said;
    this.#slow = false;
    await this.#perform('tls', '', () => this.#encrypt());
  }

  async #encrypt(): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('end');
    this.#rest = Buffer.alloc(0);
    while (plain.writableCorked > 0) plain.uncork();
    const { secureContext } = this.#relay;
    const clients = this.#relay.options.tls?.clientCa !== undefined;
    const socket = new TLSSocket(plain, {
      isServer: true,
      secureContext,
      requestCert: clients,
      rejectUnauthorized: clients,
    });
    socket.on('error', () => plain.destroy());
    this.#socket = socket;
    this.#listen();
    await Promise.race([once(socket, 'secure'), once(plain, 'close')]).catch(() => {});
    this.#seen.encrypted = true;
    if (clients) this.#seen.client = String((socket.getPeerCertificate() as PeerCertificate | null)?.subject?.CN ?? '');
    this.#seen.resumed = socket.isSessionReused();
    this.#seen.servername = ((socket as { servername?: string | false }).servername || null) ?? null;
  }

  auth(line: string): void {
    const [, mechanism = '', initial] = line.split(' ');
    const known = this.#relay.options.login?.mechanisms.includes(mechanism.toUpperCase());
    if (!known) {
      this.#say('504 5.5.4 unknown mechanism');
      return;
    }
    this.#auth = { mechanism, answers: [] };
    if (initial === undefined) this.#loginTurn();
    else this.#answer(initial);
  }

  #answer(line: string): undefined {
    this.#auth?.answers.push(Buffer.from(line, 'base64').toString('utf8'));
    this.#loginTurn();
  }

  #loginTurn(): void {
    const { login } = this.#relay.options;
    if (this.#auth === null || login === undefined) return;
    const turn = loginTurn(login, this.#auth.mechanism.toUpperCase(), this.#auth.answers);
    if ('challenge' in turn) {
      this.#say(`334 ${Buffer.from(turn.challenge).toString('base64')}`);
      return;
    }
    this.#auth = null;
    this.#seen.user = turn.user;
    this.#say(turn.user === null ? '535 5.7.8 wrong user or password' : '235 2.7.0 welcome');
  }
}

/** Commands that have a usual answer, and the method that gives it. */
const USUAL = {
  ehlo: 'ehlo',
  helo: 'helo',
  starttls: 'starttls',
  auth: 'auth',
  mail: 'mail',
  rcpt: 'rcpt',
  data: 'data',
  rset: 'rset',
  quit: 'quit',
  other: 'other',
} as const;

/** The address in the angle brackets of MAIL or RCPT. */
function path(command: string): string {
  return /<(.*)>/.exec(command)?.[1] ?? '';
}

/** Takes the end of data off, and the first dot of each line that has one (RFC 5321 4.5.2). */
function unstuff(octets: Buffer): Buffer {
  const text = octets.toString('latin1').slice(0, -3);
  return Buffer.from(text.replace(/(^|\r\n)\./g, '$1'), 'latin1');
}
