/** The composition root: builds the parts from a configuration, starts and stops them. The only file that knows all of them. */
import { readFileSync, readlinkSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { hostname as machineName } from 'node:os';
import { dirname } from 'node:path';
import { HealthServer } from './admin/health.ts';
import { showHostPort } from './config/kinds.ts';
import type { Config } from './config/settings.ts';
import type { DeliveryParts } from './delivery/attempt.ts';
import { Janitor, type JanitorOptions, type Retention } from './delivery/janitor.ts';
import type { Relay } from './delivery/relay.ts';
import { Worker, type WorkerOptions } from './delivery/worker.ts';
import { Queue } from './queue/queue.ts';
import { DEFAULT_RELAY, singleRelay } from './queue/route.ts';
import { defaultRetryPolicy, type RetryPolicy } from './queue/schedule.ts';
import type { Node, SettleGroup, Store } from './queue/store.ts';
import { Batch } from './runtime/batch.ts';
import { systemClock } from './runtime/clock.ts';
import { newId } from './runtime/id.ts';
import { type Log, silentLog } from './runtime/log.ts';
import { type Service, startAll, stopAll } from './runtime/service.ts';
import { openStore } from './store/open.ts';
import { type ListenerOptions, SmtpListener } from './submission/smtp/listener.ts';
import type { SpaceOptions } from './submission/smtp/space.ts';
import { authenticator } from './submission/smtp/users.ts';
import { CaptureTransport } from './transport/capture.ts';
import type { SmtpOptions } from './transport/smtp/options.ts';
import type { RelayReport } from './transport/smtp/probe.ts';
import { SmtpTransport } from './transport/smtp/smtp.ts';
import { maskRelayUrl, parseRelayUrl } from './transport/smtp/url.ts';

/** How long what is under way may go on after a stop, ms: with a second such span it stays below the 10 s that containers get. */
const GRACE = 4_000;
/** How often to look for what other processes queued, ms. */
const POLL = 250;
/** Claims for new work come no closer together than this, ms. */
const GATHER = 10;
/** Between two rounds of the janitor, ms. */
const HOUSEKEEPING = 10_000;

const CAPTURING =
  'capture mode: no relay is set, so mail is kept here and nothing leaves this machine; set one with --relay smtp://user:password@host:587';

/** What short commands work with: the queue on its database, and nothing that runs. */
export interface App {
  readonly config: Config;
  readonly store: Store;
  readonly queue: Queue;
  close(): Promise<void>;
}

export async function openApp(config: Config, log: Log = silentLog): Promise<App> {
  const store = await openStore(config.database, { log });
  const queue = new Queue({ store, clock: systemClock, log, router: singleRelay, policy: retryPolicy(config) });
  return { config, store, queue, close: () => store.close() };
}

function retryPolicy(config: Config): RetryPolicy {
  return {
    ...defaultRetryPolicy,
    firstDelay: config.retryFirstDelay,
    maxDelay: config.retryMaxDelay,
    maxAge: config.maxAge,
    delayReportAfter: config.delayReportAfter,
  };
}

/** What `serve` starts and `work` starts in part. */
export class Server implements Service {
  readonly #config: Config;
  readonly #role: 'serve' | 'work';
  readonly #log: Log;
  #app: App | undefined;
  #starting: Promise<void> = Promise.resolve();
  #running: Service[] = [];
  #listener: SmtpListener | undefined;
  #health: HealthServer | undefined;

  constructor(config: Config, role: 'serve' | 'work', log: Log) {
    this.#config = config;
    this.#role = role;
    this.#log = log;
  }

  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    const relay = openRelay(this.#config, this.#log);
    const app = await openApp(this.#config, this.#log);
    this.#app = app;
    const parts = deliveryParts(app, this.#log);
    const node = newNode(this.#role);
    const services = [
      new Janitor(parts, janitorOptions(this.#config, node)),
      new Worker(parts, relay, workerOptions(this.#config, node)),
      ...this.#waysIn(app),
    ];
    try {
      await startAll(services);
    } catch (error) {
      await app.close();
      throw error;
    }
    this.#running = services;
    this.#log.info(this.#readyFields(), 'ready');
  }

  /** A stop that comes during the start waits for it: half a start cannot be stopped in order. */
  async stop(): Promise<void> {
    await this.#starting.catch(() => undefined);
    const services = this.#running.splice(0);
    await stopAll(services);
    await this.#app?.close();
    this.#app = undefined;
  }

  #waysIn(app: App): Service[] {
    const services: Service[] = [];
    if (this.#role === 'serve') {
      this.#listener = new SmtpListener(listenerOptions(this.#config, app.queue, this.#log));
      services.push(this.#listener);
    }
    if (this.#config.admin !== null && this.#role === 'serve') {
      this.#health = new HealthServer({
        ...this.#config.admin,
        checks: [{ name: 'store', check: () => answers(app.store) }],
      });
      services.push(this.#health);
    }
    return services;
  }

  #readyFields(): Record<string, unknown> {
    return {
      listen: this.#listener?.addresses.map(showHostPort) ?? [],
      admin: this.#health === undefined ? null : showHostPort(this.#health.address),
      relay: this.#config.relay === null ? null : maskRelayUrl(this.#config.relay),
      dataDir: this.#config.dataDir,
      pid: process.pid,
    };
  }
}

async function answers(store: Store): Promise<boolean> {
  await store.changeMark();
  return true;
}

/** One pass over everything that is due, for `work --once`. */
export async function workOnce(config: Config, log: Log): Promise<void> {
  const relay = openRelay(config, log);
  const app = await openApp(config, log);
  const parts = deliveryParts(app, log);
  const node = newNode('work');
  const janitor = new Janitor(parts, janitorOptions(config, node));
  const worker = new Worker(parts, relay, workerOptions(config, node));
  try {
    await janitor.round();
    await worker.once();
  } finally {
    await stopAll([janitor, worker]);
    await app.close();
  }
}

function deliveryParts(app: App, log: Log): DeliveryParts {
  const { store, queue, config } = app;
  const settle = (groups: readonly SettleGroup[]): Promise<readonly (readonly boolean[])[]> =>
    store.settle(groups, systemClock.now());
  const settlements = new Batch(settle, { maxItems: 200, parallel: 4 });
  return {
    store,
    queue,
    clock: systemClock,
    log,
    hostname: config.hostname,
    random: Math.random,
    hooks: {},
    settlements,
  };
}

/** The way out: the configured relay, or the capture of everything, and then the first line says so. */
function openRelay(config: Config, log: Log): Relay {
  const shared = { name: DEFAULT_RELAY, policy: retryPolicy(config), doubt: 'resend' as const };
  if (config.relay === null) {
    log.warn({}, CAPTURING);
    return { ...shared, host: null, transport: new CaptureTransport() };
  }
  const options = smtpOptions(config, config.relay);
  return { ...shared, host: options.host, transport: new SmtpTransport(options) };
}

/** What the URL says of the relay, and the settings where it says nothing. */
function smtpOptions(config: Config, url: string): SmtpOptions {
  return {
    name: config.hostname,
    maxConnections: config.relayConnections,
    ...(config.relayTls !== 'auto' && { tls: config.relayTls }),
    ...(config.relayCa !== null && { ca: readFileSync(config.relayCa, 'utf8') }),
    ...parseRelayUrl(url),
  };
}

/** Connects to the relay and logs in, without sending; null in capture mode. */
export async function checkRelay(config: Config, signal: AbortSignal): Promise<RelayReport | null> {
  if (config.relay === null) return null;
  const transport = new SmtpTransport(smtpOptions(config, config.relay));
  try {
    return await transport.verify(signal);
  } finally {
    await transport.close();
  }
}

/** Where octets run out first: the disk under a SQLite file. null for a database on a server. */
function spaceOptions(config: Config): SpaceOptions | null {
  const file = /^sqlite:(.*)$/s.exec(config.database)?.[1];
  if (file === undefined) return null;
  const freeSpace = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(dirname(file));
    return bavail * bsize;
  };
  return { freeSpace, minimum: config.minFreeSpace };
}

function listenerOptions(config: Config, queue: Queue, log: Log): ListenerOptions {
  const space = spaceOptions(config);
  return {
    queue,
    clock: systemClock,
    log,
    listen: config.listen,
    hostname: config.hostname,
    limits: config,
    bareLf: config.bareLf,
    maxConnections: config.maxClients,
    maxErrors: config.maxErrors,
    idleTimeout: config.idleTimeout,
    stopTimeout: GRACE,
    clients: config.clients,
    ...(config.tlsCert !== null &&
      config.tlsKey !== null && { tls: { cert: readFileSync(config.tlsCert), key: readFileSync(config.tlsKey) } }),
    ...(config.users.length > 0 && { authenticate: authenticator(config.users) }),
    ...(space !== null && { space }),
  };
}

function workerOptions(config: Config, node: Node): WorkerOptions {
  return { holder: node.id, lease: config.lease, grace: GRACE, poll: POLL, gather: GATHER };
}

function janitorOptions(config: Config, node: Node): JanitorOptions {
  return { node, lease: config.lease, interval: HOUSEKEEPING, retention: retention(config), isAlive };
}

function retention(config: Config): readonly Retention[] {
  return [
    { states: ['sent'], age: config.retainSent },
    { states: ['bounced'], age: config.retainBounced },
    { states: ['captured'], age: config.retainCaptured },
    { states: ['cancelled'], age: config.retainCancelled },
  ];
}

function newNode(role: string): Node {
  const now = systemClock.now();
  const host = machineName();
  return {
    id: newId(now),
    host,
    place: `${host} ${processNamespace()}`,
    pid: process.pid,
    role,
    startedAt: now,
    seenAt: now,
  };
}

/** Two containers may have the same host name and the same process numbers: on Linux their namespaces tell them apart. */
function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return process.platform;
  }
}

/** EPERM means that it lives and belongs to somebody else. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
