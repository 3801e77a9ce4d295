/** What the tests of the listener share: a queue that only remembers, and a host for the protocol core without a socket. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { NewContent } from '../../../src/queue/message.ts';
import type { Draft } from '../../../src/queue/queue.ts';
import type { Inserted } from '../../../src/queue/store.ts';
import { ManualClock, systemClock } from '../../../src/runtime/clock.ts';
import { newId } from '../../../src/runtime/id.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import type { AcceptLimits } from '../../../src/submission/accept.ts';
import { Intake, type IntakeContext, type IntakeQueue } from '../../../src/submission/intake.ts';
import { isRejection } from '../../../src/submission/rejections.ts';
import type { ServerEvent } from '../../../src/submission/smtp/events.ts';
import { type ListenerOptions, SmtpListener } from '../../../src/submission/smtp/listener.ts';
import { ServerSession } from '../../../src/submission/smtp/protocol.ts';
import type { SessionOptions } from '../../../src/submission/smtp/session-options.ts';

export const LIMITS: AcceptLimits = {
  maxMessageSize: 50_000_000,
  maxHeaderSize: 4_096_000,
  maxRecipients: 1000,
  maxHops: 50,
};
export const NOON = Date.UTC(2026, 10, 22, 12, 0, 0);

export const SESSION: SessionOptions = {
  hostname: 'mx.example.org',
  maxMessageSize: LIMITS.maxMessageSize,
  maxRecipients: LIMITS.maxRecipients,
  maxErrors: 20,
  offerTls: false,
  login: 'none',
  local: true,
};

export interface Kept {
  readonly draft: Draft;
  readonly content: Buffer;
}

/** Remembers what was submitted and staged; the port that a way in needs, without a store behind it. */
export class RecordingQueue implements IntakeQueue {
  readonly kept: Kept[] = [];
  readonly staged = new Map<string, Buffer[]>();
  readonly cancelled: string[] = [];
  /** Awaited before each submission and each staged chunk; throw in it to fail. */
  beforeSubmit: () => Promise<void> | void = () => undefined;
  beforeStage: (sequence: number) => Promise<void> | void = () => undefined;

  newId(): string {
    return newId(NOON);
  }

  async submit(draft: Draft): Promise<Inserted> {
    await this.beforeSubmit();
    this.kept.push({ draft, content: this.#bytes(draft.id, draft.content) });
    return { id: draft.id, duplicate: false };
  }

  #bytes(id: string, content: NewContent): Buffer {
    if ('bytes' in content) return Buffer.from(content.bytes);
    const chunks = this.staged.get(id) ?? [];
    if (chunks.length !== content.stagedChunks) throw new Error('staged chunks are missing');
    this.staged.delete(id);
    return Buffer.concat(chunks);
  }

  async stage(id: string, sequence: number, bytes: Uint8Array): Promise<void> {
    await this.beforeStage(sequence);
    const chunks = this.staged.get(id) ?? [];
    if (chunks.length !== sequence) throw new Error('chunks out of order');
    this.staged.set(id, [...chunks, Buffer.from(bytes)]);
  }

  async unstage(id: string): Promise<void> {
    this.staged.delete(id);
  }

  async cancel(filter: { readonly ids?: readonly string[] }): Promise<number> {
    this.cancelled.push(...(filter.ids ?? []));
    return filter.ids?.length ?? 0;
  }
}

export function intakeContext(queue: IntakeQueue, changes: Partial<IntakeContext> = {}): IntakeContext {
  return {
    queue,
    clock: new ManualClock(NOON),
    log: silentLog,
    hostname: 'mx.example.org',
    limits: LIMITS,
    bareLf: 'refuse',
    ...changes,
  };
}

/** The content as the client sent it: without the Received field in front. */
export function withoutTrace(content: Buffer): Buffer {
  const field = /^Received: [\s\S]*?\r\n(?![ \t])/.exec(content.toString('latin1'))?.[0] ?? '';
  return content.subarray(field.length);
}

/** A session with its intake, driven by bytes: what a connection is, without a socket. */
export class CoreHost {
  readonly session: ServerSession;
  readonly #context: IntakeContext;
  readonly #users: ReadonlyMap<string, string>;
  #intake: Intake | undefined;
  replies = '';
  closed = false;

  constructor(
    context: IntakeContext,
    options: SessionOptions = SESSION,
    users: ReadonlyMap<string, string> = new Map(),
  ) {
    this.session = new ServerSession(options);
    this.#context = context;
    this.#users = users;
  }

  async send(bytes: Buffer | string): Promise<void> {
    this.session.receive(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    await this.run();
  }

  async run(): Promise<void> {
    for (let event = this.session.next(); event !== undefined; event = this.session.next()) await this.#handle(event);
  }

  async #handle(event: ServerEvent): Promise<void> {
    if (event.kind === 'reply') this.replies += event.text;
    else if (event.kind === 'begin') {
      const { envelope, clientName, protocol } = event.transaction;
      this.#intake = new Intake(this.#context, {
        envelope,
        origin: 'smtp',
        from: { name: clientName, address: '127.0.0.1', protocol },
      });
    } else if (event.kind === 'chunk') await this.#intake?.write(event.bytes);
    else if (event.kind === 'abort') await this.#intake?.abort();
    else if (event.kind === 'login') this.session.authenticated(this.#users.get(event.user) === event.password);
    else if (event.kind === 'end') await this.#finish();
    else if (event.kind === 'startTls') this.session.secured();
    else if (event.kind === 'close') this.closed = true;
  }

  async #finish(): Promise<void> {
    const result = await (this.#intake as Intake).finish();
    this.session.completed(
      isRejection(result) ? result : { code: 250, status: '2.0.0', text: `queued as ${result.id}` },
    );
  }
}

/** Waits until what comes in from a socket is as wished; fails when the socket closes before. */
export class SocketClient {
  readonly #socket: Socket;
  #text = '';
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#text += bytes.toString('latin1');
      this.#wake();
    });
    for (const event of ['close', 'error']) {
      socket.on(event, () => {
        this.#closed = true;
        this.#wake();
      });
    }
  }

  static async connect(port: number): Promise<SocketClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new SocketClient(socket);
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** All that came and was not taken. */
  get text(): string {
    return this.#text;
  }

  write(bytes: Buffer | string): void {
    this.#socket.write(bytes);
  }

  /** Takes all up to the end of the first line that fits. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#text);
      const end = match === null ? -1 : this.#text.indexOf('\n', match.index);
      if (end !== -1) {
        const taken = this.#text.slice(0, end + 1);
        this.#text = this.#text.slice(end + 1);
        return taken;
      }
      if (this.#closed) throw new Error(`closed without ${pattern}: ${this.#text}`);
      await this.#change();
    }
  }

  /** One line, or undefined at the end. */
  async line(): Promise<string | undefined> {
    while (!this.#text.includes('\n') && !this.#closed) await this.#change();
    const end = this.#text.indexOf('\n');
    if (end === -1) return undefined;
    const line = this.#text.slice(0, end).replace(/\r$/, '');
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  async closed(): Promise<void> {
    while (!this.#closed) await this.#change();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

export function listenerOptions(queue: IntakeQueue, changes: Partial<ListenerOptions> = {}): ListenerOptions {
  return {
    queue,
    clock: systemClock,
    log: silentLog,
    listen: [{ host: '127.0.0.1', port: 0 }],
    hostname: 'mx.example.org',
    limits: LIMITS,
    bareLf: 'refuse',
    maxConnections: 100,
    maxErrors: 20,
    idleTimeout: 300_000,
    stopTimeout: 10_000,
    ...changes,
  };
}

export async function startListener(
  queue: IntakeQueue,
  changes: Partial<ListenerOptions> = {},
): Promise<SmtpListener & { readonly port: number }> {
  const listener = new SmtpListener(listenerOptions(queue, changes));
  await listener.start();
  return Object.assign(listener, { port: listener.addresses[0]?.port as number });
}
