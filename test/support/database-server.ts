/** Database servers of a test's own, to be killed and started again: in a folder of their own, as a user who is not root. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './smtp-sink.ts';

export interface Program {
  readonly user: string;
  prepare(folder: string, as: Identity, options: ServerOptions): void;
  command(folder: string, port: number, options: ServerOptions): readonly [string, readonly string[]];
  url(port: number): string;
}

export interface ServerOptions {
  /** Addresses of this machine, within `HOSTS`, beside 127.0.0.1. */
  readonly addresses?: readonly string[];
  /** PEM texts. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Whoever asks from such an address is let in. */
export const HOSTS = '198.18';

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

const quietly = { stdio: 'ignore' } as const;

function postgresBin(): string | undefined {
  try {
    const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(a) - Number(b));
    return `/usr/lib/postgresql/${versions.at(-1)}/bin`;
  } catch {
    return undefined;
  }
}

export const PRIVATE_POSTGRES: Program = {
  user: 'postgres',
  prepare(folder, as, { addresses }) {
    const args = ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
    execFileSync(`${postgresBin()}/initdb`, args, { ...quietly, ...as });
    if (addresses !== undefined) appendFileSync(join(folder, 'pg_hba.conf'), `host all all ${HOSTS}.0.0/16 trust\n`);
  },
  // Durable as it is by itself; only its memory is kept small.
  command: (folder, port, { addresses = [], tls }) => {
    const secured = tls === undefined ? {} : { ssl: 'on', ssl_key_file: keyIn(folder), ssl_cert_file: certIn(folder) };
    const settings = Object.entries({ shared_buffers: '16MB', ...secured }).flatMap(([n, value]) => [
      '-c',
      `${n}=${value}`,
    ]);
    const listen = ['127.0.0.1', ...addresses].join(',');
    return [`${postgresBin()}/postgres`, ['-D', folder, '-h', listen, '-p', String(port), '-k', folder, ...settings]];
  },
  url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
};

export const PRIVATE_MARIADB: Program = {
  user: 'mysql',
  prepare(folder, as, { addresses }) {
    const args = ['--no-defaults', `--datadir=${folder}`, '--auth-root-authentication-method=normal', '--skip-test-db'];
    execFileSync('mariadb-install-db', args, { ...quietly, ...as });
    const user = `root@'${HOSTS}.%'`;
    const sql = `CREATE USER IF NOT EXISTS ${user};\nGRANT ALL ON *.* TO ${user};\n`;
    if (addresses !== undefined) writeFileSync(join(folder, '..', 'hosts.sql'), sql);
  },
  command: (folder, port, { addresses, tls }) => {
    const address = addresses === undefined ? '127.0.0.1' : '0.0.0.0';
    const args = ['--no-defaults', `--datadir=${folder}`, `--port=${port}`, `--socket=${folder}/socket`];
    if (addresses !== undefined) args.push(`--init-file=${folder}/../hosts.sql`);
    // From 11.4 on it makes a certificate for itself where it is given none.
    if (tls === undefined) args.push('--skip-ssl');
    else args.push(`--ssl-key=${keyIn(folder)}`, `--ssl-cert=${certIn(folder)}`);
    return ['mariadbd', [...args, `--bind-address=${address}`]];
  },
  url: (port) => `mysql://root@127.0.0.1:${port}/mysql`,
};

const keyIn = (folder: string): string => join(folder, '..', 'server.key');
const certIn = (folder: string): string => join(folder, '..', 'server.crt');

/** Whether the program is installed; under CI=true it must be. */
export function isInstalled(program: Program): boolean {
  const found = program === PRIVATE_POSTGRES ? postgresBin() !== undefined : hasCommand('mariadbd');
  if (found) return true;
  const text = `NO ${program === PRIVATE_POSTGRES ? 'PostgreSQL' : 'MariaDB'} IS INSTALLED: tests that kill one are skipped.`;
  if (process.env.CI === 'true') throw new Error(text);
  process.stderr.write(`\n!!! ${text}\n\n`);
  return false;
}

function hasCommand(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], quietly);
    return true;
  } catch {
    return false;
  }
}

export class DatabaseServer {
  readonly port: number;
  readonly url: string;
  readonly #program: Program;
  readonly #folder: string;
  readonly #as: Identity;
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;

  static async start(program: Program, options: ServerOptions = {}): Promise<DatabaseServer> {
    const server = new DatabaseServer(program, await freePort(), options);
    process.once('exit', () => server.signal('SIGKILL'));
    await server.start();
    return server;
  }

  private constructor(program: Program, port: number, options: ServerOptions) {
    this.#program = program;
    this.#options = options;
    this.port = port;
    this.url = program.url(port);
    const parent = mkdtempSync(join(tmpdir(), 'posthaste-database-'));
    this.#folder = join(parent, 'data');
    mkdirSync(this.#folder, { mode: 0o700 });
    this.#as = identityOf(program.user);
    if (this.#as.uid !== undefined)
      for (const path of [parent, this.#folder]) chownSync(path, this.#as.uid, this.#as.gid ?? 0);
    program.prepare(this.#folder, this.#as, options);
    if (options.tls !== undefined) this.#keep(options.tls);
  }

  /** A key that others may read is refused. */
  #keep({ key, cert }: { readonly key: string; readonly cert: string }): void {
    for (const [path, text] of [
      [keyIn(this.#folder), key],
      [certIn(this.#folder), cert],
    ] as const) {
      writeFileSync(path, text, { mode: 0o600 });
      if (this.#as.uid !== undefined) chownSync(path, this.#as.uid, this.#as.gid ?? 0);
    }
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    while (!(await this.#listens())) {
      // PostgreSQL ends at once as long as a process of the one that was killed is still there.
      if (!this.#lives()) this.#spawn();
      await sleep(20);
    }
  }

  #spawn(): void {
    const [command, args] = this.#program.command(this.#folder, this.port, this.#options);
    this.#child = spawn(command, args, { stdio: 'ignore', ...this.#as });
  }

  #lives(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** As when the machine loses its power, but for what the system has in its caches. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.#lives()) return;
    const ended = once(child, 'exit');
    // PostgreSQL has a process for each session, which goes on for a while without its parent: all of them end at once.
    child.kill('SIGSTOP');
    const children = childrenOf(child.pid as number);
    child.kill('SIGKILL');
    for (const pid of children) killIfThere(pid);
    await ended;
  }

  /** PostgreSQL as a replica without a primary: it only reads, until it is promoted. */
  async standBy(): Promise<void> {
    await this.kill();
    const path = join(this.#folder, 'standby.signal');
    writeFileSync(path, '');
    if (this.#as.uid !== undefined) chownSync(path, this.#as.uid, this.#as.gid ?? 0);
    await this.start();
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(join(this.#folder, '..'), { recursive: true, force: true, maxRetries: 5 });
  }

  #listens(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = createConnection({ host: '127.0.0.1', port: this.port }, () => resolve(true));
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
    });
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    return execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)])
      .toString()
      .split('\n')
      .map(Number)
      .filter((child) => child > 0);
  } catch {
    // It has none.
    return [];
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

/** PostgreSQL and MariaDB refuse to run as root. */
export function identityOf(user: string): Identity {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, user]).toString());
  return { uid: idOf('-u'), gid: idOf('-g') };
}
