/** The relay of tests as a server: listens, counts what passed, and wakes those who wait for something to happen. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type Action, actionAt, checkScript, type Point, type Script } from './actions.ts';
import { Dialogue } from './dialogue.ts';
import type { Host, Received, ScriptedOptions, SeenConnection } from './seen.ts';

const EXTENSIONS = ['PIPELINING', 'SIZE 52428800', '8BITMIME', 'SMTPUTF8', 'DSN', 'ENHANCEDSTATUSCODES'];

/** A relay for tests: takes everything, misbehaves where its script says so, and remembers what it saw. */
export class ScriptedRelay implements Host, AsyncDisposable {
  readonly options: ScriptedOptions;
  #script: Script = {};
  /** May be changed while it runs. */
  extensions: readonly string[];
  readonly connections: SeenConnection[] = [];
  /** Every content that came whole, whatever was answered. */
  readonly received: Received[] = [];
  /** One for all connections, so that sessions can be resumed. */
  readonly secureContext: SecureContext;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #times = new Map<Point, number>();
  #waiters: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  constructor(options: ScriptedOptions) {
    this.options = options;
    this.script = options.script ?? {};
    this.extensions = options.extensions ?? EXTENSIONS;
    const { key, cert, maxVersion, clientCa } = options.tls ?? {};
    this.secureContext = createSecureContext({
      ...(key !== undefined && { key }),
      ...(cert !== undefined && { cert }),
      ...(maxVersion !== undefined && { maxVersion }),
      ...(clientCa !== undefined && { ca: clientCa }),
    });
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** What it does instead of what it should. May be changed while it runs. Throws OPTION_INVALID for a point that no dialogue has. */
  get script(): Script {
    return this.#script;
  }

  set script(script: Script) {
    checkScript(script);
    this.#script = script;
  }

  /** Resolves when it takes connections; `startRelay` has waited for that. */
  async listen(): Promise<this> {
    this.#server.listen(this.options.port ?? 0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** Always an address of this machine. */
  get host(): string {
    return '127.0.0.1';
  }

  /** Where it listens. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** For the setting `relay`. */
  get url(): string {
    return `smtp://${this.host}:${this.port}`;
  }

  /** How many connections stand now. */
  get openConnections(): number {
    return this.connections.filter((connection) => connection.open).length;
  }

  /** How often a point of the dialogue has been passed, over all connections. */
  passed(point: Point): number {
    return this.#times.get(point) ?? 0;
  }

  /** Resolves as soon as the condition holds; looked at after everything that happens here. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ holds, resolve });
      this.changed();
    });
  }

  /** Ends all connections and stops listening. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** For a dialogue: something happened. */
  changed(): void {
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => !waiter.holds());
    for (const waiter of waiting) if (!this.#waiters.includes(waiter)) waiter.resolve();
  }

  /** For a dialogue: what the script says at this point, which is passed once more now. */
  pass(point: Point, command: string): Action {
    const time = this.#times.get(point) ?? 0;
    this.#times.set(point, time + 1);
    queueMicrotask(() => this.changed());
    return actionAt(this.script, point, time, command);
  }

  #accept(socket: Socket): void {
    const seen: SeenConnection = {
      commands: [],
      mails: [],
      servername: null,
      encrypted: false,
      resumed: false,
      client: null,
      user: null,
      open: true,
      reads: 0,
    };
    const number = this.connections.push(seen) - 1;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      seen.open = false;
      this.changed();
    });
    void new Dialogue(this, socket, seen, number).start();
    this.changed();
  }
}

/** A relay that listens on a free port. Throws OPTION_INVALID for a script that names a point which no dialogue has. */
export async function startRelay(options: ScriptedOptions = {}): Promise<ScriptedRelay> {
  return new ScriptedRelay(options).listen();
}
