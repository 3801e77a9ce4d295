/** A pgbouncer of a test's own before a PostgreSQL, which gives each transaction another session. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identityOf } from './database-server.ts';
import { temporaryFolder } from './posthaste.ts';
import { freePort, installed, listening } from './smtp-sink.ts';

/** Debian keeps it where only root looks for programs. */
const PROGRAM = ['/usr/sbin/pgbouncer', 'pgbouncer'].find((program) => installed(program, '-V'));

export const hasPgbouncer = PROGRAM !== undefined;

export class Pgbouncer {
  readonly #child: ChildProcess;
  readonly #folder: Disposable;
  readonly #port: number;

  /** Fewer sessions than its clients want at a time, so that they do share them. */
  static async before(server: string, more: Readonly<Record<string, string>> = {}): Promise<Pgbouncer> {
    const { hostname, port, username } = new URL(server);
    const folder = temporaryFolder();
    chmodSync(folder.path, 0o755);
    const own = await freePort();
    const settings = {
      listen_addr: '127.0.0.1',
      listen_port: own,
      auth_type: 'any',
      pool_mode: 'transaction',
      default_pool_size: 3,
      max_client_conn: 500,
      unix_socket_dir: '',
      ...more,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    const database = `* = host=${hostname} port=${port} user=${username}`;
    const file = join(folder.path, 'pgbouncer.ini');
    writeFileSync(file, ['[databases]', database, '[pgbouncer]', ...lines, ''].join('\n'));
    const child = spawn(PROGRAM ?? '', ['-q', file], { stdio: 'ignore', ...identityOf('postgres') });
    process.once('exit', () => child.kill('SIGKILL'));
    await listening(own, child);
    return new Pgbouncer(child, folder, own);
  }

  private constructor(child: ChildProcess, folder: Disposable, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.#port = port;
  }

  /** The same database behind the pool. */
  through(url: string): string {
    const pooled = new URL(url);
    pooled.port = String(this.#port);
    return pooled.href;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
    this.#folder[Symbol.dispose]();
  }
}
