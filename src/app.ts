/** The composition root: builds the parts from a configuration, starts and stops them. The only file that knows all of them. */
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { hostname as machineName } from 'node:os';
import { dirname } from 'node:path';
import { HealthServer, type ReadinessCheck } from './admin/health.ts';
import { showHostPort } from './config/kinds.ts';
import { type RelaySettings, relaysOf, signaturesOf } from './config/relays.ts';
import type { Config } from './config/settings.ts';
import type { DeliveryParts } from './delivery/attempt.ts';
import { Janitor, type JanitorOptions, type Retention } from './delivery/janitor.ts';
import type { Relay } from './delivery/relay.ts';
import type { StandIn } from './delivery/stand-in.ts';
import { Worker, type WorkerOptions } from './delivery/worker.ts';
import { PosthasteError } from './errors.ts';
import { Queue } from './queue/queue.ts';
import { compileRoutes, routedHeaders } from './queue/route.ts';
import { compileSafety } from './queue/safety.ts';
import { defaultRetryPolicy, type RetryPolicy } from './queue/schedule.ts';
import type { Node, SettleGroup, Store } from './queue/store.ts';
import { roleOf } from './queue/why.ts';
import { Batch } from './runtime/batch.ts';
import { systemClock } from './runtime/clock.ts';
import { newId } from './runtime/id.ts';
import { type Log, silentLog } from './runtime/log.ts';
import { isAlive, placeOf } from './runtime/process.ts';
import { type Service, startAll, stopAll } from './runtime/service.ts';
import { openStore } from './store/open.ts';
import type { Signer } from './submission/dkim.ts';
import { type ListenerOptions, SmtpListener } from './submission/smtp/listener.ts';
import type { SpaceOptions } from './submission/smtp/space.ts';
import { authenticator } from './submission/smtp/users.ts';
import { CaptureTransport } from './transport/capture.ts';
import { openTransport } from './transport/open.ts';
import type { RelayReport } from './transport/smtp/probe.ts';
import { SmtpTransport } from './transport/smtp/smtp.ts';
import { maskRelayUrl } from './transport/smtp/url.ts';

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

const WAITING =
  'no relay is set, but mail of this queue was meant for one: it waits until the relay is set again; to capture mail, use a data directory of its own';

/** What short commands work with: the queue on its database, and nothing that runs. */
export interface App {
  readonly config: Config;
  readonly store: Store;
  readonly queue: Queue;
  close(): Promise<void>;
}

export async function openApp(config: Config, log: Log = silentLog): Promise<App> {
  const store = await openStore(config.database, { log });
  const router = compileRoutes(config.routes, config.defaultRelay);
  const safeguard = compileSafety(config);
  const maxAges = new Map(relaysOf(config).map(({ name, retry }) => [name, retry.maxAge]));
  const queue = new Queue({ store, clock: systemClock, log, router, safeguard, maxAges, policy: retryPolicy(config) });
  return { config, store, queue, close: () => store.close() };
}

/** What signs mail for the domains of the settings. Loaded where it is needed only: it takes a tenth of a second. */
export async function openDkim(config: Config): Promise<Signer | undefined> {
  if (config.dkim.length === 0) return undefined;
  const { openSigner } = await import('./submission/dkim.ts');
  return openSigner(signaturesOf(config));
}

function retryPolicy(config: Config): RetryPolicy {
  return {
    ...defaultRetryPolicy,
    firstDelay: config.retryFirstDelay,
    maxDelay: config.retryMaxDelay,
    maxAge: config.maxAge,
    maxAttempts: config.maxAttempts,
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
    const app = await openApp(this.#config, this.#log);
    this.#app = app;
    try {
      const relays = await openRelays(this.#config, app.store, this.#log);
      const signer = await openDkim(this.#config);
      const services = this.#services(app, relays, signer);
      await startAll(services);
      this.#running = services;
    } catch (error) {
      this.#app = undefined;
      await app.close();
      throw error;
    }
    this.#log.info(this.#readyFields(), 'ready');
  }

  #services(app: App, relays: readonly Relay[], signer: Signer | undefined): Service[] {
    const parts = deliveryParts(app, this.#log);
    const node = newNode(roleOf(this.#role, relays.length === 0));
    return [
      new Janitor(parts, janitorOptions(this.#config, node)),
      ...relays.map((relay) => new Worker(parts, relay, workerOptions(this.#config, node))),
      ...this.#waysIn(app, node, signer),
    ];
  }

  /** A stop that comes during the start waits for it: half a start cannot be stopped in order. */
  async stop(): Promise<void> {
    await this.#starting.catch(() => undefined);
    if (this.#app === undefined) return;
    this.#log.info({}, 'stopping');
    const services = this.#running.splice(0);
    await stopAll(services);
    await this.#app.close();
    this.#app = undefined;
    this.#log.info({}, 'stopped');
  }

  #waysIn(app: App, node: Node, signer: Signer | undefined): Service[] {
    const services: Service[] = [];
    if (this.#role === 'serve') {
      this.#listener = new SmtpListener({ ...listenerOptions(this.#config, app.queue, this.#log), signer });
      services.push(this.#listener);
    }
    if (this.#config.admin !== null && this.#role === 'serve') {
      this.#health = new HealthServer({
        ...this.#config.admin,
        checks: readinessChecks(app, node),
      });
      services.push(this.#health);
    }
    return services;
  }

  #readyFields(): Record<string, unknown> {
    return {
      listen: this.#listener?.addresses.map(showHostPort) ?? [],
      admin: this.#health === undefined ? null : showHostPort(this.#health.address),
      relays: relaysOf(this.#config).map(({ name, url }) => (url === null ? name : `${name} ${maskRelayUrl(url)}`)),
      dataDir: this.#config.dataDir,
      pid: process.pid,
    };
  }
}

/** Ready is who can take mail and keep it: the disk has room, and the store really writes. */
function readinessChecks({ config, store }: App, node: Node): readonly ReadinessCheck[] {
  const writes = async (): Promise<boolean> => {
    await store.heartbeat({ ...node, seenAt: systemClock.now() });
    return true;
  };
  const hasRoom = async (): Promise<boolean> => (await spaceFault(config)) === null;
  return [
    { name: 'store', check: writes },
    { name: 'disk space', check: hasRoom },
  ];
}

/** Why the disk has no room for new mail, in a sentence; null while it has. */
export async function spaceFault(config: Config): Promise<string | null> {
  const space = spaceOptions(config);
  const free = await space?.freeSpace();
  if (space === null || free === undefined || free >= space.minimum) return null;
  const [left, least] = [free, space.minimum].map((octets) => `${Math.floor(octets / 1e6)} MB`);
  return `the disk of the database has ${left} free, less than minFreeSpace (${least}): new mail is refused (452 4.3.1)`;
}

/** One pass over everything that is due, for `work --once`. */
export async function workOnce(config: Config, log: Log): Promise<void> {
  const app = await openApp(config, log);
  const parts = deliveryParts(app, log);
  const node = newNode('work');
  const janitor = new Janitor(parts, janitorOptions(config, node));
  const workers: Worker[] = [];
  try {
    const relays = await openRelays(config, app.store, log);
    workers.push(...relays.map((relay) => new Worker(parts, relay, workerOptions(config, node))));
    await janitor.round();
    await Promise.all(workers.map((worker) => worker.once()));
  } finally {
    await stopAll([janitor, ...workers]);
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
    hooks: {
      ...(config.beforeSend !== null && { beforeSend: config.beforeSend }),
      ...(config.onDeliveryError !== null && { onDeliveryError: config.onDeliveryError }),
    },
    settlements,
  };
}

/** The ways out, one worker each. Without a relay mail is captured, unless it was meant for one. */
async function openRelays(config: Config, store: Store, log: Log): Promise<readonly Relay[]> {
  const settings = relaysOf(config);
  if (settings.length > 0) {
    const now = systemClock.now();
    for (const { name } of settings) await store.noteRelay(name, now);
    return Promise.all(settings.map((each) => openRelay(each, settings, config)));
  }
  const used = (await store.relays()).find((state) => state.knownSince !== null);
  if (used === undefined) {
    log.warn({}, CAPTURING);
    return [{ ...capture(config), transport: new CaptureTransport() }];
  }
  log.error({ relay: used.relay }, WAITING);
  return [];
}

async function openRelay(settings: RelaySettings, all: readonly RelaySettings[], config: Config): Promise<Relay> {
  const { name, doubt, retry, rates } = settings;
  const policy = { ...defaultRetryPolicy, ...retry };
  return {
    name,
    doubt,
    rates,
    policy,
    standIns: standInsOf(name, all),
    ...(await openTransport(settings, config.hostname)),
  };
}

/** The relays that name this one as their fallback. */
function standInsOf(name: string, all: readonly RelaySettings[]): readonly StandIn[] {
  return all
    .filter(({ fallback }) => fallback.includes(name))
    .map(({ name: relay, fallback, failoverAfter }) => {
      return { relay, after: failoverAfter, behind: fallback.slice(0, fallback.indexOf(name)) };
    });
}

function capture(config: Config): Omit<Relay, 'transport'> {
  return { name: config.defaultRelay, host: null, policy: retryPolicy(config), doubt: 'hold', rates: [], standIns: [] };
}

/** Connects to a relay and logs in, without sending; null for one that is no SMTP server. */
export async function checkRelay(
  settings: RelaySettings,
  config: Config,
  signal: AbortSignal,
): Promise<RelayReport | null> {
  const { transport } = await openTransport(settings, config.hostname);
  try {
    return transport instanceof SmtpTransport ? await transport.verify(signal) : null;
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

function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new PosthasteError('CONFIG_INVALID', `${setting} is ${JSON.stringify(path)}, which cannot be read: ${why}`);
  }
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
    routedHeaders: routedHeaders(config.routes),
    ...(config.tlsCert !== null &&
      config.tlsKey !== null && {
        tls: { cert: readPem('tlsCert', config.tlsCert), key: readPem('tlsKey', config.tlsKey) },
      }),
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
    place: placeOf(host),
    pid: process.pid,
    role,
    startedAt: now,
    seenAt: now,
  };
}
