/** Health over HTTP: `/livez` says that the process runs, `/readyz` that it can take mail and keep it. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenFailed } from '../errors.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Service } from '../runtime/service.ts';

/** A thing that must be well for the process to be ready: its name, and a check that throws or answers false when it is not. */
export interface ReadinessCheck {
  readonly name: string;
  check(): Promise<boolean>;
}

export interface HealthOptions {
  readonly host: string;
  readonly port: number;
  /** Which says where it listens, for people. Default: `admin`. */
  readonly setting?: string;
  readonly clock: Clock;
  readonly checks: readonly ReadinessCheck[];
  /** Answers all other requests. Default: not found. */
  readonly rest?: RequestListener;
}

/** A check that takes longer than this counts as failed, ms: whoever asks has a short wait of his own. */
const CHECK_TIMEOUT = 2_000;
/** So long the checks' answer holds, ms: whoever can reach the address may ask, and each check costs a write that is synced. */
const FRESH = 1_000;

/** Who sends slowly holds a connection no longer than this, ms: a header has little to say, a message may be large. */
const TIMEOUTS = {
  headersTimeout: 5_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
/** More are closed at once. */
const MAX_CONNECTIONS = 500;

export class HealthServer implements Service {
  readonly #options: HealthOptions;
  readonly #server: Server;
  #asked: { readonly at: Instant; readonly failed: Promise<string[]> } | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#server = createServer(TIMEOUTS, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Where it listens, once started. */
  get address(): { readonly host: string; readonly port: number } {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  start(): Promise<void> {
    const { host, port, setting = 'admin' } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(listenFailed(`${host} port ${port}`, setting, error));
      this.#server.once('error', fail);
      this.#server.listen(port, host, () => {
        this.#server.off('error', fail);
        resolve();
      });
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const path = url.split('?', 1)[0];
    if (path !== '/livez' && path !== '/readyz') return this.#rest(request, response);
    if (method !== 'GET' && method !== 'HEAD') return reply(response, 405, 'only GET\n');
    if (path === '/livez') return reply(response, 200, 'ok\n');
    const failed = await this.#failed();
    if (failed.length === 0) reply(response, 200, 'ok\n');
    else reply(response, 503, `not ready: ${failed.join(', ')}\n`);
  }

  #rest(request: IncomingMessage, response: ServerResponse): void {
    if (this.#options.rest === undefined) reply(response, 404, 'not found\n');
    else this.#options.rest(request, response);
  }

  /** Of checks that were begun less than FRESH ago, also for those who ask meanwhile. */
  #failed(): Promise<string[]> {
    const now = this.#options.clock.now();
    const age = now - (this.#asked?.at ?? Number.NEGATIVE_INFINITY);
    if (this.#asked === undefined || age < 0 || age >= FRESH) this.#asked = { at: now, failed: this.#check() };
    return this.#asked.failed;
  }

  async #check(): Promise<string[]> {
    const results = await Promise.all(
      this.#options.checks.map(async (each) => ((await passes(each)) ? [] : [each.name])),
    );
    return results.flat();
  }
}

async function passes(each: ReadinessCheck): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), CHECK_TIMEOUT);
  });
  try {
    return await Promise.race([each.check(), late]);
  } catch {
    // The check's own error is logged where it happens; here only its name is told to strangers.
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(text);
}
