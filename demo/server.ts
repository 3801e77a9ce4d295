/** The posthaste of the demonstration: the built program, in a process and a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../bin/posthaste.js', import.meta.url));

/** Short, so that a newcomer sees the second attempt too. */
const PATIENCE = { retryFirstDelay: '15s', retryMaxDelay: '2m', delayReportAfter: '2m' };

export interface ServerOptions {
  readonly folder: string;
  readonly listen: string;
  readonly admin: string;
  readonly relays: Readonly<Record<string, unknown>>;
  readonly webhooks: Readonly<Record<string, unknown>>;
}

export interface Addresses {
  readonly listen: string;
  readonly admin: string;
}

export class Server implements AsyncDisposable {
  /** Resolves when it takes mail. */
  readonly ready: Promise<Addresses>;
  /** Fails when it ends by itself. */
  readonly ended: Promise<never>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #end: AbortSignal;

  /** Its log stands in the folder, as `posthaste.log`. */
  constructor({ folder, listen, admin, relays, webhooks }: ServerOptions, end: AbortSignal) {
    const config = join(folder, 'posthaste.config.json');
    const own = { listen: [listen], admin, hostname: 'shop.lindenhof.example', dataDir: folder };
    writeFileSync(config, JSON.stringify({ ...own, ...PATIENCE, relays, webhooks }, null, 2), { mode: 0o600 });
    this.#child = spawn(process.execPath, [BIN, 'serve', '--config', config, '--log-format', 'json'], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#closed = once(this.#child, 'close');
    this.#end = end;
    const log = new Log(join(folder, 'posthaste.log'), this.#child);
    this.ended = this.#closed.then(() => {
      throw new Error(`posthaste ended:\n${log.last.join('\n')}`);
    });
    this.ready = Promise.race([log.ready, this.ended]);
  }

  /** A terminal sends SIGINT to it as well, and a second signal would end it out of order. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end.reason !== 'SIGINT' || !process.stdin.isTTY) this.#child.kill('SIGTERM');
    await this.#closed;
  }
}

/** Settings of whoever tries this are not those of the demonstration. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('POSTHASTE_')));
}

/** Keeps the log in a file, and finds in it where posthaste listens. */
class Log {
  readonly ready: Promise<Addresses>;
  /** Its last lines. */
  readonly last: string[] = [];

  constructor(path: string, { stdout, stderr }: ChildProcess) {
    const file = createWriteStream(path);
    const { promise, resolve } = Promise.withResolvers<Addresses>();
    this.ready = promise;
    for (const stream of [stdout, stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        file.write(`${line}\n`);
        this.last.push(line);
        if (this.last.length > 10) this.last.shift();
        if (line.includes('"msg":"ready"')) resolve(addressesIn(line));
      });
    }
  }
}

function addressesIn(line: string): Addresses {
  const { listen, admin } = JSON.parse(line) as { readonly listen: readonly string[]; readonly admin: string };
  return { listen: listen[0] as string, admin: `http://${admin}` };
}
