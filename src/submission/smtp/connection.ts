/** One client's connection: carries bytes between its socket, the protocol and the intake. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import { encodeReply, showReply } from '../../mail/reply.ts';
import { Intake, type IntakeContext, type Submission } from '../intake.ts';
import { IDLE_TOO_LONG, INTERNAL_ERROR, isRejection } from '../rejections.ts';
import type { Credentials } from './auth.ts';
import type { ServerEvent, Transaction } from './events.ts';
import { ServerSession } from './protocol.ts';
import type { SessionOptions } from './session-options.ts';
import type { Authenticate } from './users.ts';

export interface ConnectionOptions {
  readonly intake: IntakeContext;
  readonly session: SessionOptions;
  /** The client's address; null: it is the program that started this one, and the connection a pipe. */
  readonly address: string | null;
  /** Silence after which the client is given up, ms. */
  readonly idleTimeout: number;
  readonly secureContext: SecureContext | undefined;
  readonly authenticate: Authenticate | undefined;
  /** The socket is closed and nothing is under way any more. */
  readonly onClosed: (connection: Connection) => void;
}

/** How long a client may take to close its side after we closed ours. */
export const LINGER_MS = 2_000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #session: ServerSession;
  #socket: Duplex;
  #detach: () => void = () => undefined;
  #intake: Intake | undefined;
  /** What is awaited before the session goes on; undefined when it can. */
  #work: Promise<void> | undefined;
  #handshaking = false;
  #inputEnded = false;
  #closed = false;
  /** The client said its last inside of a content. */
  cutShort = false;
  #heardAt: number;
  #cancelTimer: () => void;

  constructor(socket: Duplex, options: ConnectionOptions) {
    this.#options = options;
    this.#session = new ServerSession(options.session);
    this.#socket = socket;
    this.#heardAt = options.intake.clock.now();
    this.#cancelTimer = options.intake.clock.after(options.idleTimeout, () => this.#checkSilence());
    this.#log('debug', { port: (socket as Partial<Socket>).remotePort }, 'client connected');
    this.#attach(socket);
    this.#pump();
  }

  /** Ends the session at once, or behind the content that is under way. */
  stop(): void {
    this.#session.stop();
    this.#pump();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #attach(socket: Duplex): void {
    const handlers = {
      data: (bytes: Buffer) => this.#hear(bytes),
      drain: () => this.#listen(),
      end: () => this.#hearEnd(),
      close: () => this.#gone(),
    };
    for (const [event, handler] of Object.entries(handlers)) socket.on(event, handler);
    this.#detach = () => {
      for (const [event, handler] of Object.entries(handlers)) socket.off(event, handler);
    };
    socket.on('error', (error) => this.#log('debug', { error: String(error) }, 'connection broke'));
  }

  #hear(bytes: Buffer): void {
    this.#heardAt = this.#options.intake.clock.now();
    this.#session.receive(bytes);
    if (this.#work !== undefined) this.#socket.pause();
    this.#pump();
  }

  /** The client will say no more, but may still listen. */
  #hearEnd(): void {
    this.#inputEnded = true;
    this.#pump();
  }

  /** Reads on, unless the client does not read its replies. */
  #listen(): void {
    if (this.#work === undefined && !this.#socket.writableNeedDrain) this.#socket.resume();
  }

  /** Does what the session wants, until it wants octets or something must be awaited. */
  #pump(): void {
    try {
      while (this.#work === undefined && !this.#closed) {
        const event = this.#session.next();
        if (event === undefined) break;
        const work = this.#handle(event);
        if (work !== undefined) this.#await(work);
      }
      if (this.#inputEnded && this.#work === undefined) this.#leave();
    } catch (error) {
      this.#fail(error);
    }
  }

  #await(work: Promise<unknown>): void {
    this.#work = work.then(
      () => this.#goOn(),
      (error: unknown) => this.#fail(error),
    );
  }

  #goOn(): void {
    this.#work = undefined;
    this.#heardAt = this.#options.intake.clock.now();
    this.#pump();
    if (this.#socket.isPaused()) this.#listen();
  }

  /** What it returns must be awaited before the next event. */
  #handle(event: ServerEvent): Promise<unknown> | undefined {
    switch (event.kind) {
      case 'reply':
        if (!this.#socket.write(event.text, 'latin1')) this.#socket.pause();
        return undefined;
      case 'begin':
        this.#intake = new Intake(this.#options.intake, this.#submission(event.transaction));
        return undefined;
      case 'chunk':
        return this.#intake?.write(event.bytes);
      case 'end':
        return this.#finish();
      case 'abort':
        return this.#abort();
      case 'login':
        return this.#checkLogin(event);
      case 'startTls':
        this.#startTls();
        return undefined;
      case 'refused':
        this.#log('info', { reply: showReply(event.reply), command: event.command }, 'refused');
        return undefined;
      case 'close':
        this.#close(event.agreed);
        return undefined;
    }
  }

  #submission({ envelope, clientName, protocol }: Transaction): Submission {
    const { address } = this.#options;
    if (address === null) return { envelope, origin: 'sendmail', from: null };
    const cipher = this.#socket instanceof TLSSocket ? this.#socket.getCipher().standardName : undefined;
    const from = {
      name: clientName,
      address,
      protocol,
      ...(cipher !== undefined && { cipher }),
    };
    return { envelope, origin: 'smtp', from };
  }

  async #finish(): Promise<void> {
    const intake = this.#intake as Intake;
    this.#intake = undefined;
    const result = await intake.finish();
    if (this.#closed) this.#log('info', { id: intake.id }, 'client left before the reply');
    this.#session.completed(
      isRejection(result) ? result : { code: 250, status: '2.0.0', text: `queued as ${result.id}` },
    );
  }

  #abort(): Promise<void> | undefined {
    const intake = this.#intake;
    this.#intake = undefined;
    return intake?.abort();
  }

  async #checkLogin({ user, password }: Credentials): Promise<void> {
    const good = await this.#options.authenticate?.(user, password).catch((error: unknown) => {
      this.#log('error', { user, error: String(error) }, 'login could not be checked');
      return undefined;
    });
    this.#log(good === true ? 'debug' : 'info', { user }, good === true ? 'logged in' : 'login failed');
    this.#session.authenticated(good);
  }

  /** The socket of the handshake takes the place of the plain one, before another octet can be read from that. */
  #startTls(): void {
    const plain = this.#socket;
    this.#detach();
    const options = this.#options.secureContext === undefined ? {} : { secureContext: this.#options.secureContext };
    const secure = new TLSSocket(plain, { isServer: true, ...options });
    this.#socket = secure;
    this.#handshaking = true;
    this.#attach(secure);
    secure.once('secure', () => {
      this.#handshaking = false;
      this.#session.secured();
      this.#pump();
    });
  }

  #checkSilence(): void {
    const { clock } = this.#options.intake;
    // While we are the slow ones, the client has nothing to say.
    const silence = this.#work === undefined ? clock.now() - this.#heardAt : 0;
    if (silence < this.#options.idleTimeout) {
      this.#cancelTimer = clock.after(this.#options.idleTimeout - silence, () => this.#checkSilence());
    } else if (this.#handshaking) {
      this.#socket.destroy();
    } else {
      this.#log('info', {}, 'client was silent too long');
      this.#session.closeWith(IDLE_TOO_LONG);
      this.#pump();
    }
  }

  /** After QUIT nothing is lost by closing both sides at once, when all is written: a third less work for clients that reconnect. */
  #close(agreed: boolean): void {
    const written = this.#socket.writableLength === 0 && !(this.#socket instanceof TLSSocket);
    if (agreed && written) this.#socket.destroy();
    else this.#endSocket();
  }

  /** The client has said its last, and we have said all that there was to say. */
  #leave(): void {
    this.cutShort = this.#session.inContent;
    if (this.#handshaking) this.#socket.destroy();
    else this.#endSocket();
  }

  /** Closes our side behind what is written; the client has a moment to close its own. */
  #endSocket(): void {
    if (this.#closed || this.#socket.writableEnded) return;
    this.#socket.end();
    this.#socket.resume();
    this.#cancelTimer();
    this.#cancelTimer = this.#options.intake.clock.after(LINGER_MS, () => this.#socket.destroy());
  }

  /** A fault of ours: the session stands still for good, other connections go on. */
  #fail(error: unknown): void {
    this.#log('error', { error: error instanceof Error ? error.stack : String(error) }, 'session failed');
    this.#work = Promise.resolve();
    this.#session.closeWith(INTERNAL_ERROR);
    this.#socket.write(encodeReply(INTERNAL_ERROR));
    this.#endSocket();
  }

  #gone(): void {
    this.#closed = true;
    this.#cancelTimer();
    const aborted = this.#abort();
    if (this.#work === undefined && aborted === undefined) this.#options.onClosed(this);
    else void Promise.all([this.#work, aborted]).then(() => this.#options.onClosed(this));
  }

  #log(level: 'debug' | 'info' | 'error', fields: Readonly<Record<string, unknown>>, event: string): void {
    this.#options.intake.log[level]({ client: this.#options.address, ...fields }, event);
  }
}
