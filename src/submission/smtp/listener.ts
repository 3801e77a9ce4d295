/** The SMTP listener: takes connections, and lets them end in order when it stops. */
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { listenFailed, PosthasteError } from '../../errors.ts';
import { encodeReply } from '../../mail/reply.ts';
import type { Clock } from '../../runtime/clock.ts';
import { Flood } from '../../runtime/flood.ts';
import type { Log } from '../../runtime/log.ts';
import type { Service } from '../../runtime/service.ts';
import { Turnstile } from '../../runtime/turnstile.ts';
import type { AcceptLimits } from '../accept.ts';
import type { Signer } from '../dkim.ts';
import type { IntakeContext, IntakeQueue } from '../intake.ts';
import type { BareLf } from '../line-ends.ts';
import { CLIENT_NOT_ALLOWED, type Rejection, TOO_MANY_CONNECTIONS } from '../rejections.ts';
import { bindingFault, isLoopback, type ListenAddress, plainAddress, trustedClients } from './clients.ts';
import { Connection, type ConnectionOptions, LINGER_MS } from './connection.ts';
import type { SessionOptions } from './session-options.ts';
import { SpaceGuard, type SpaceOptions } from './space.ts';
import type { Authenticate } from './users.ts';

export interface ListenerOptions {
  readonly queue: IntakeQueue;
  readonly relayOfLoop?: IntakeContext['relayOfLoop'];
  readonly clock: Clock;
  readonly log: Log;
  readonly listen: readonly ListenAddress[];
  /** Descriptors of sockets that listen already, in place of `listen`; they may be bound no wider. Default: none. */
  readonly inherited?: readonly number[];
  /** Our own name in greetings, Received fields and Message-IDs. */
  readonly hostname: string;
  readonly limits: AcceptLimits;
  readonly bareLf: BareLf;
  /** Connections at one time. */
  readonly maxConnections: number;
  /** Refusals of class 5 in one session at which it ends. */
  readonly maxErrors: number;
  /** Silence after which a session ends, ms. */
  readonly idleTimeout: number;
  /** How long `stop` waits for contents that are under way, ms. */
  readonly stopTimeout: number;
  /** PEM. With it, STARTTLS is offered. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** With it, login is offered, and demanded of clients that are not trusted. */
  readonly authenticate?: Authenticate;
  /** Addresses and networks of clients that are trusted like loopback. */
  readonly clients?: readonly string[];
  readonly space?: SpaceOptions;
  /** Names in lower case of the header fields by which routes choose a relay. */
  readonly routedHeaders?: readonly string[];
  /** With it, mail is signed (DKIM). */
  readonly signer?: Signer | undefined;
}

/**
 * Chunks of large contents on their way into the store, at most: a store keeps copies of what it writes, and with a hundred
 * clients at once these took 100 MB more than with this bound.
 */
const STAGED_AT_ONCE = 8;

/** Connections that the kernel keeps until we take them: a burst must not see its SYN dropped, for that costs the client a second. */
const BACKLOG = 4096;

export class SmtpListener implements Service {
  readonly #options: ListenerOptions;
  readonly #intake: IntakeContext;
  readonly #isTrusted: (address: string) => boolean;
  readonly #secureContext: SecureContext | undefined;
  readonly #space: SpaceGuard | undefined;
  readonly #connections = new Set<Connection>();
  readonly #refusals: Flood;
  #servers: Server[] = [];
  #stopping: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  /** Throws CONFIG_INVALID for a binding that would be an open relay, a client list or a certificate that cannot be read. */
  constructor(options: ListenerOptions) {
    const { queue, clock, log, hostname, limits, bareLf, listen, tls, clients = [], space } = options;
    const { routedHeaders = [], signer, relayOfLoop } = options;
    this.#options = options;
    if (options.inherited === undefined || options.inherited.length === 0) this.#refuseOpenRelay(listen);
    this.#intake = {
      queue: stagingInTurn(queue),
      clock,
      log,
      hostname,
      limits,
      bareLf,
      routedHeaders,
      signer,
      relayOfLoop,
    };
    this.#isTrusted = trustedClients(clients);
    this.#secureContext = tls && readCertificate(tls);
    this.#space = space && new SpaceGuard(space, clock, log);
    this.#refusals = new Flood(log, clock);
  }

  /** What is listened on, with the real ports. */
  get addresses(): readonly ListenAddress[] {
    return this.#servers.map((server) => {
      const address = server.address();
      return typeof address === 'object' && address !== null
        ? { host: address.address, port: address.port }
        : { host: '', port: 0 };
    });
  }

  async start(): Promise<void> {
    await this.#space?.look();
    const { inherited = [], listen: own, log } = this.#options;
    const places = inherited.length > 0 ? inherited.map((fd) => ({ fd })) : own;
    for (const place of places) {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
      await listen(server, place);
      if ('fd' in place) this.#refuseUnixSocket(server, place.fd);
      server.on('error', (error) => log.error({ error: String(error) }, 'connection not accepted'));
      this.#servers.push(server);
    }
    this.#refuseOpenRelay(this.addresses);
  }

  /** Its clients have no address: nothing could be said of them in the log and in Received fields. */
  #refuseUnixSocket(server: Server, fd: number): void {
    if (typeof server.address() === 'object' && server.address() !== null) return;
    for (const opened of [server, ...this.#servers.splice(0)]) opened.close();
    throw new PosthasteError(
      'CONFIG_INVALID',
      `The inherited descriptor ${fd} is a unix socket: mail is taken over TCP, so let ListenStream= of systemd name an address and a port.`,
    );
  }

  #refuseOpenRelay(addresses: readonly ListenAddress[]): void {
    const { authenticate, tls, clients = [] } = this.#options;
    const fault = bindingFault(addresses, authenticate !== undefined, tls !== undefined, clients);
    if (fault === undefined) return;
    for (const server of this.#servers.splice(0)) server.close();
    throw new PosthasteError('CONFIG_INVALID', fault);
  }

  /** New clients find nobody; idle ones hear 421; a content that is under way may end within `stopTimeout`. */
  stop(): Promise<void> {
    for (const server of this.#servers.splice(0)) server.close();
    this.#refusals.end();
    this.#stopping ??= this.#drain().finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  async #drain(): Promise<void> {
    if (this.#connections.size === 0) return;
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    const cancel = this.#options.clock.after(this.#options.stopTimeout, () => this.#destroyAll());
    for (const connection of this.#connections) connection.stop();
    await drained;
    cancel();
  }

  #destroyAll(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '');
    const trusted = this.#isTrusted(address);
    if (this.#connections.size >= this.#options.maxConnections) this.#turnAway(socket, address, TOO_MANY_CONNECTIONS);
    else if (!trusted && this.#options.authenticate === undefined) this.#turnAway(socket, address, CLIENT_NOT_ALLOWED);
    else this.#connections.add(new Connection(socket, this.#connectionOptions(address, trusted)));
  }

  #connectionOptions(address: string, trusted: boolean): ConnectionOptions {
    return {
      intake: this.#intake,
      session: this.#sessionOptions(address, trusted),
      address,
      idleTimeout: this.#options.idleTimeout,
      secureContext: this.#secureContext,
      authenticate: this.#options.authenticate,
      onClosed: (connection) => this.#forget(connection),
    };
  }

  #sessionOptions(address: string, trusted: boolean): SessionOptions {
    const { hostname, limits, maxErrors, authenticate, bareLf } = this.#options;
    const space = this.#space;
    return {
      hostname,
      maxMessageSize: limits.maxMessageSize,
      maxRecipients: limits.maxRecipients,
      maxErrors,
      offerTls: this.#secureContext !== undefined,
      login: authenticate === undefined ? 'none' : trusted ? 'optional' : 'required',
      local: isLoopback(address),
      // A line that is made to end with CRLF had its dot stuffed too (RFC 5321 4.5.2).
      lf: bareLf === 'normalise' ? 'line' : 'octet',
      ...(space !== undefined && { storageFull: () => space.isLow() }),
    };
  }

  #turnAway(socket: Socket, address: string, rejection: Rejection): void {
    const { text } = rejection;
    this.#refusals.info(text, { client: address, reply: text }, 'connection refused');
    const cancel = this.#options.clock.after(LINGER_MS, () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', cancel);
    socket.end(encodeReply(rejection));
    socket.resume();
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#drained?.();
  }
}

function listen(server: Server, place: ListenAddress | { readonly fd: number }): Promise<void> {
  const where = 'fd' in place ? `the inherited descriptor ${place.fd}` : `${place.host} port ${place.port}`;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(listenFailed(where, 'listen', error));
    server.once('error', fail);
    server.listen({ ...place, backlog: BACKLOG }, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

/** The same queue, to which only some chunks are under way at once. */
function stagingInTurn(queue: IntakeQueue): IntakeQueue {
  const turnstile = new Turnstile(STAGED_AT_ONCE);
  return {
    newId: () => queue.newId(),
    submit: (draft) => queue.submit(draft),
    stage: (id, sequence, bytes) => turnstile.pass(() => queue.stage(id, sequence, bytes)),
    unstage: (id) => queue.unstage(id),
    cancel: (filter) => queue.cancel(filter),
  };
}

function readCertificate(tls: { readonly cert: string | Buffer; readonly key: string | Buffer }): SecureContext {
  try {
    return createSecureContext({ cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' });
  } catch (error) {
    throw new PosthasteError(
      'CONFIG_INVALID',
      `The certificate or its key cannot be used: ${String(error)}. Both must be PEM and belong together.`,
      { cause: error },
    );
  }
}
