/** Runs the built program as its users do: a process of its own, a folder of its own, ports of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const BIN = process.env.POSTHASTE_BIN ?? fileURLToPath(new URL('../../bin/posthaste.js', import.meta.url));

/** The environment of the test without settings of the machine it runs on. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('POSTHASTE_'));
  return { ...Object.fromEntries(kept), NO_COLOR: '1', ...extra };
}

export interface LogLine {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A running `posthaste serve`; every line of its log is kept, and can be waited for. */
export class Server {
  readonly lines: LogLine[] = [];
  readonly output: string[] = [];
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #exit: number | NodeJS.Signals | undefined;

  constructor(child: ChildProcess) {
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#take(line));
    }
    child.once('close', (code, signal) => {
      this.#exit = code ?? signal ?? 0;
      this.#look();
    });
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  #take(line: string): void {
    this.output.push(line);
    if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine);
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves with the first line, past or future, for which `fits` is true; fails when the process ends before. */
  line(fits: (line: LogLine) => boolean): Promise<LogLine> {
    return this.atLeast(1, fits).then((found) => found[0] as LogLine);
  }

  /** Resolves when that many lines fit. */
  atLeast(count: number, fits: (line: LogLine) => boolean): Promise<LogLine[]> {
    return this.#until(() => {
      const found = this.lines.filter(fits);
      return found.length >= count ? found : undefined;
    });
  }

  /** Resolves with all that it has written when it has written this. */
  written(text: string): Promise<string> {
    return this.#until(() => {
      const all = this.output.join('\n');
      return all.includes(text) ? all : undefined;
    });
  }

  /** Looks after every line until there is an answer; fails when the process ends before. */
  #until<T>(answer: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = answer();
        if (found !== undefined) resolve(found);
        else if (this.#exit !== undefined)
          reject(new Error(`posthaste ended (${this.#exit}):\n${this.output.join('\n')}`));
        else return;
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  async ready(): Promise<{ port: number; admin: number | null }> {
    const line = await this.line((each) => each.msg === 'ready');
    const port = (address: unknown): number => Number(String(address).split(':').at(-1));
    return {
      port: port((line.listen as string[])[0]),
      admin: line.admin === null ? null : port(line.admin),
    };
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Resolves with the exit code, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals> {
    if (this.#exit === undefined) await once(this.#process, 'close');
    return this.#exit as number | NodeJS.Signals;
  }

  async kill(): Promise<void> {
    if (this.#exit === undefined) this.signal('SIGKILL');
    await this.ended();
  }

  async stop(): Promise<number | NodeJS.Signals> {
    if (this.#exit === undefined) this.signal('SIGTERM');
    return this.ended();
  }
}

export interface ServeOptions {
  readonly dataDir: string;
  readonly relay?: string;
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: a free port. */
  readonly port?: number;
  /** A command that runs the one behind it somewhere else. Default: none. */
  readonly within?: readonly string[];
}

export function serve(options: ServeOptions): Server {
  const flags = ['--data-dir', options.dataDir, '--listen', `127.0.0.1:${options.port ?? 0}`, '--log-format', 'json'];
  if (options.relay !== undefined) flags.push('--relay', options.relay);
  if (!options.flags?.includes('--admin')) flags.push('--admin', 'off');
  return started([BIN, 'serve', ...flags, ...(options.flags ?? [])], options);
}

/** `posthaste work` on a data folder. */
export function work(options: Omit<ServeOptions, 'port'>): Server {
  const flags = ['--data-dir', options.dataDir, '--log-format', 'json'];
  if (options.relay !== undefined) flags.push('--relay', options.relay);
  return started([BIN, 'work', ...flags, ...(options.flags ?? [])], options);
}

/** A test that fails before its end leaves nothing running. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program of Node's that runs until it is stopped. */
export function started(
  args: readonly string[],
  options: Pick<ServeOptions, 'dataDir' | 'environment' | 'within'>,
): Server {
  const [command, ...rest] = [...(options.within ?? []), process.execPath, ...args];
  const child = spawn(command as string, rest, {
    cwd: options.dataDir,
    env: cleanEnvironment(options.environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('close', () => running.delete(child));
  return new Server(child);
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: { input?: string | Uint8Array; cwd?: string; environment?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  const child = spawn(command, args, { cwd: options.cwd, env: cleanEnvironment(options.environment) });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** Runs a command of posthaste on a data folder. */
export function posthaste(dataDir: string, ...args: string[]): Promise<Ran> {
  const [command = 'help', ...rest] = args;
  return run(process.execPath, [BIN, command, '--data-dir', dataDir, ...rest], { cwd: dataDir });
}

/** A folder that is gone when the test is. */
export function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'posthaste-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
