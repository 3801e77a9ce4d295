/** The admin's HTTP as a server has it: a real database, a real socket, and every answer checked against the schema that describes it. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { openAccess } from '../../src/admin/access.ts';
import type { AnyRoute } from '../../src/admin/api.ts';
import { apiRoutes } from '../../src/admin/app.ts';
import { HealthServer } from '../../src/admin/health.ts';
import type { Metrics } from '../../src/admin/metrics.ts';
import { adminListener, adminParts, newMetrics } from '../../src/app/admin.ts';
import { intakeContext } from '../../src/app/intake.ts';
import { type App, openApp } from '../../src/app/open.ts';
import { Submitter } from '../../src/app/submitter.ts';
import { readConfig } from '../../src/config/read.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { Recorder } from './delivery.ts';
import { temporaryFolder } from './posthaste.ts';

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it is what it checks.
  readonly json: any;
  readonly text: string;
  readonly headers: Headers;
}

export class AdminBench implements AsyncDisposable {
  readonly app: App;
  readonly log: Recorder;
  readonly submitter: Submitter;
  readonly #server: HealthServer;
  readonly #routes: readonly AnyRoute[];
  readonly #clean: () => void;

  private constructor(app: App, log: Recorder, metrics: Metrics, clean: () => void) {
    this.app = app;
    this.log = log;
    this.#clean = clean;
    this.submitter = new Submitter(app, intakeContext(app, log, undefined), '0', () => undefined);
    this.#routes = apiRoutes(adminParts(app, log, this.submitter), openAccess);
    const rest = adminListener(app, log, undefined, metrics);
    this.#server = new HealthServer({ host: '127.0.0.1', port: 0, clock: systemClock, checks: [], rest });
  }

  static async open(settings: Readonly<Record<string, unknown>> = {}): Promise<AdminBench> {
    const folder = temporaryFolder();
    const flags = { dataDir: folder.path, hostname: 'mx.example.com', ...settings };
    const read = await readConfig({ flags, environment: {}, cwd: folder.path });
    if ('complaints' in read) throw new Error(JSON.stringify(read.complaints));
    const log = new Recorder();
    const metrics = newMetrics();
    const app = await openApp(read.loaded.config, log, { meter: metrics, loaded: read.loaded });
    const bench = new AdminBench(app, log, metrics, () => folder[Symbol.dispose]());
    await bench.#server.start();
    return bench;
  }

  get port(): number {
    return this.#server.address.port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.origin + path, { redirect: 'manual', ...init });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const answer = {
      status: response.status,
      json: isJson ? JSON.parse(text) : undefined,
      text,
      headers: response.headers,
    };
    if (response.status < 300) this.#check(init.method ?? 'GET', path, answer.json);
    return answer;
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.ask(`/api/v1${path}`, { headers });
  }

  post(path: string, body: unknown = {}, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const sent = { 'content-type': 'application/json', ...headers };
    return this.ask(`/api/v1${path}`, { method: 'POST', headers: sent, body: JSON.stringify(body) });
  }

  /** What a route says that it answers with is what it answers with. */
  #check(method: string, path: string, json: unknown): void {
    const bare = path.replace(/^\/api\/v1/, '').split('?')[0] as string;
    const fits = ({ path: pattern, method: own }: AnyRoute): boolean =>
      own === method.toLowerCase() && new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(bare);
    this.#routes.find(fits)?.answer?.parse(json);
  }

  /** Octets as they are, to a socket; answers with all that came back until the server closed. */
  async speak(text: string): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString();
    });
    socket.on('error', () => undefined);
    socket.write(text);
    await once(socket, 'close');
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
    await this.app.close();
    this.#clean();
  }
}
