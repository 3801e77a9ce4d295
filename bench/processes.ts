/** Child processes of a measurement: every one is known, can be weighed with its children, and is ended by its id. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const running = new Set<ChildProcess>();

/** How long a process may take to end after SIGTERM before SIGKILL follows. */
const GRACE_MS = 15_000;

export function start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Runs a program to its end; throws with what it printed when it failed. */
export function runToEnd(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const done = spawnSync(command, args, { encoding: 'utf8', env, timeout: 60_000 });
  if (done.status === 0) return done.stdout;
  const said = done.error?.message ?? `${done.stdout}${done.stderr}`.trim();
  throw new Error(`${command} ${args.join(' ')} failed (${done.status ?? done.signal}): ${said}`);
}

export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => killTree(child), GRACE_MS);
  await exited;
  clearTimeout(timer);
}

/** For the way out in a hurry: SIGKILL for everything that was started here and whatever that started. */
export function killAll(): void {
  for (const child of running) killTree(child);
}

export function killTree(child: ChildProcess): void {
  for (const pid of tree(child.pid ?? 0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Resolves when none of the processes exists any more, so that the next measurement has the machine to itself. */
export async function untilGone(pids: readonly number[]): Promise<void> {
  const deadline = performance.now() + GRACE_MS;
  while (pids.some((pid) => existsSync(`/proc/${pid}`))) {
    if (performance.now() > deadline) throw new Error('processes of a measurement do not end');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The process and its descendants, from /proc; the process alone where there is none. */
export function tree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of numbersIn('/proc')) {
    const parent = parentOf(pid);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function parentOf(pid: number): number | undefined {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) || undefined;
}

/** Processes come and go while they are being looked at. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Megabytes in use by a process and its descendants, as proportional set size: a page that n processes share counts 1/n for
 * each, so that many processes of one program are not weighed too heavily.
 */
export function memoryOf(pid: number): number {
  const kilobytes = tree(pid).map((id) =>
    Number(/^Pss:\s+(\d+)/m.exec(readOrEmpty(`/proc/${id}/smaps_rollup`))?.[1] ?? 0),
  );
  return kilobytes.reduce((sum, value) => sum + value, 0) / 1024;
}

/** Where a program is, looking where system programs live too. */
export function which(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
