/** Builds the parts of a long-running process from the settings, starts and stops them. The only file that knows all of them. */
import { HealthServer } from '../admin/health.ts';
import { showHostPort } from '../config/kinds.ts';
import { relaysOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import type { Relay } from '../delivery/relay.ts';
import type { Node } from '../queue/store.ts';
import { roleOf } from '../queue/why.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { Presence } from '../runtime/presence.ts';
import { type Service, startAll, stopAll } from '../runtime/service.ts';
import type { Signer } from '../submission/dkim.ts';
import { SmtpListener } from '../submission/smtp/listener.ts';
import { maskRelayUrl } from '../transport/smtp/url.ts';
import { deliveryServices } from './delivering.ts';
import { crewOf, newNode } from './delivery.ts';
import { type App, openApp } from './open.ts';
import { openDkim } from './signing.ts';
import { listenerOptions, readinessChecks } from './ways-in.ts';
import { openRelays } from './ways-out.ts';

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
    const node = newNode(roleOf(this.#role, relays.length === 0));
    return [...deliveryServices(app, node, relays, this.#log, signer), ...this.#waysIn(app, node, signer)];
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
        clock: systemClock,
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

/** One pass over everything that is due, for `work --once`. */
export async function workOnce(config: Config, log: Log): Promise<void> {
  const signer = await openDkim(config);
  const app = await openApp(config, log);
  const presence = new Presence();
  const services: Service[] = [presence];
  try {
    await presence.start();
    const relays = await openRelays(config, app.store, log);
    const { janitor, workers } = crewOf(app, newNode('work'), relays, log, signer);
    services.push(janitor, ...workers);
    await janitor.round();
    await Promise.all(workers.map((worker) => worker.once()));
  } finally {
    await stopAll(services);
    await app.close();
  }
}
