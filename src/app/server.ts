/** Builds the parts of a long-running process from the settings, starts and stops them. The only file that knows all of them. */
import type { RequestListener } from 'node:http';
import { Alarm } from '../admin/alarm.ts';
import { HealthServer } from '../admin/health.ts';
import type { Metrics } from '../admin/metrics.ts';
import { type HostPort, showHostPort } from '../config/kinds.ts';
import type { Loaded } from '../config/load.ts';
import { relaysOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import type { Tally } from '../delivery/round.ts';
import { Overview } from '../queue/overview.ts';
import type { Node } from '../queue/relay-store.ts';
import { ONCE, roleOf, TAKER } from '../queue/why.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { type Service, startAll, stopAll } from '../runtime/service.ts';
import { takeLock } from '../store/file-lock.ts';
import type { Signer } from '../submission/dkim.ts';
import { SmtpListener } from '../submission/smtp/listener.ts';
import { maskRelayUrl } from '../transport/smtp/url.ts';
import { Attendance } from './attendance.ts';
import { deliverOnce, deliveryServices, newNode } from './delivery.ts';
import { type App, openApp } from './open.ts';
import { openDkim } from './signing.ts';
import { listenerOptions, readinessChecks } from './ways-in.ts';
import { openRelays } from './ways-out.ts';
import { openWebhooks } from './webhooks.ts';

/** What `serve` starts and `work` starts in part. */
export class Server implements Service {
  readonly #loaded: Loaded;
  readonly #config: Config;
  readonly #role: 'serve' | 'work';
  readonly #log: Log;
  #app: App | undefined;
  #starting: Promise<void> = Promise.resolve();
  #running: Service[] = [];
  #listener: SmtpListener | undefined;
  #health: HealthServer | undefined;
  #metrics: Metrics | undefined;

  constructor(loaded: Loaded, role: 'serve' | 'work', log: Log) {
    this.#loaded = loaded;
    this.#config = loaded.config;
    this.#role = role;
    this.#log = log;
  }

  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    await this.#measure();
    const app = await openApp(this.#config, this.#log, { meter: this.#metrics, loaded: this.#loaded });
    this.#app = app;
    try {
      const services = await this.#services(app);
      await startAll(services);
      this.#running = services;
    } catch (error) {
      this.#app = undefined;
      await app.close();
      throw error;
    }
    this.#log.info(this.#readyFields(), 'ready');
  }

  /** Only where somebody can ask for it. */
  async #measure(): Promise<void> {
    if (this.#address() === null) return;
    const { newMetrics } = await import('./admin.ts');
    this.#metrics = newMetrics();
  }

  /** Of its HTTP server. */
  #address(): HostPort | null {
    return this.#role === 'serve' ? this.#config.admin : this.#config.metrics;
  }

  async #services(app: App): Promise<Service[]> {
    const signer = await openDkim(this.#config);
    if (this.#role === 'serve' && !this.#config.deliver) {
      const node = newNode(TAKER);
      const parts = { store: app.store, clock: systemClock, log: this.#log };
      const webhooks = openWebhooks(app, node.id, this.#log);
      const told = webhooks === null ? [] : [webhooks];
      return [new Attendance(parts, node), ...told, ...(await this.#waysIn(app, node, signer))];
    }
    const relays = await openRelays(this.#config, app.store, this.#log);
    const node = newNode(roleOf(this.#role, relays.length === 0));
    return [...deliveryServices(app, node, relays, this.#log, signer), ...(await this.#waysIn(app, node, signer))];
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

  async #waysIn(app: App, node: Node, signer: Signer | undefined): Promise<Service[]> {
    const services: Service[] = [];
    if (this.#role === 'serve') {
      this.#listener = new SmtpListener({ ...listenerOptions(this.#config, app.queue, this.#log), signer });
      services.push(this.#listener);
    }
    const address = this.#address();
    if (address !== null) {
      const checks = readinessChecks(app, node);
      const setting = this.#role === 'serve' ? 'admin' : 'metrics';
      const rest = await this.#rest(app, signer);
      this.#health = new HealthServer({ ...address, setting, rest, clock: systemClock, checks });
      services.push(this.#health);
    }
    if (this.#role === 'serve') services.push(...(await alarmOf(app, this.#log)));
    return services;
  }

  /** What it answers beside the health checks. */
  async #rest(app: App, signer: Signer | undefined): Promise<RequestListener> {
    const { adminListener, metricsListener } = await import('./admin.ts');
    return this.#role === 'work' && this.#metrics !== undefined
      ? metricsListener(app, this.#log, this.#metrics)
      : adminListener(app, this.#log, signer, this.#metrics);
  }

  #readyFields(): Record<string, unknown> {
    const http = this.#health === undefined ? null : showHostPort(this.#health.address);
    return {
      listen: this.#listener?.addresses.map(showHostPort) ?? [],
      ...(this.#role === 'work'
        ? { metrics: http }
        : { admin: http, ...(http !== null && { pages: `http://${http}/` }) }),
      relays: relaysOf(this.#config).map(({ name, url }) => (url === null ? name : `${name} ${maskRelayUrl(url)}`)),
      dataDir: this.#config.dataDir,
      pid: process.pid,
    };
  }
}

/** None where nobody would hear it. */
async function alarmOf({ config, store }: App, log: Log): Promise<Service[]> {
  const { alertWebhook, alertCommand, alertSilence, alertAge, hostname } = config;
  if (alertWebhook === null && alertCommand === null) return [];
  const { command, webhook } = await import('../admin/tellers.ts');
  const tellers = [
    ...(alertWebhook === null ? [] : [webhook(alertWebhook)]),
    ...(alertCommand === null ? [] : [command(alertCommand)]),
  ];
  const overview = new Overview(store, systemClock);
  const limits = { silence: alertSilence, age: alertAge };
  return [new Alarm({ overview, clock: systemClock, log, host: hostname, limits, tellers })];
}

/** One pass over everything that is due, for `work --once`. null: another run has the lock. */
export async function workOnce(config: Config, log: Log): Promise<Tally | null> {
  const lock = config.lockPath === null ? undefined : await takeLock(config.lockPath, config.lockWait);
  if (lock === null) return null;
  try {
    return await workOn(config, log);
  } finally {
    lock?.release();
  }
}

async function workOn(config: Config, log: Log): Promise<Tally> {
  const signer = await openDkim(config);
  const app = await openApp(config, log);
  try {
    return await deliverOnce(app, ONCE, log, signer);
  } finally {
    await app.close();
  }
}
