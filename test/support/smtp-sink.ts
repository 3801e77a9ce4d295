/** A real SMTP server that we did not write: Postfix's smtp-sink, which keeps each message in a file. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A port that was free a moment ago, for programs that cannot listen on 0. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Between two looks, ms: without it, who waits takes a processor from the server that is starting. */
const LOOK = 10;

/** Resolves when something listens there. Tries again whenever a try was refused, until the process that should listen ends. */
export async function listening(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server for port ${port} ended with ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await pause(LOOK);
  }
}

/** What is installed of the programs that tests like to have; under CI=true a missing one is a failure. */
export function installed(program: string, ...probe: string[]): boolean {
  return told(
    program,
    spawnSync(program, probe.length > 0 ? probe : ['--version'], { stdio: 'ignore' }).error === undefined,
  );
}

/** The same of something that a program must find: its answer to `probe` is an exit code. */
export function works(what: string, program: string, ...probe: string[]): boolean {
  return told(what, spawnSync(program, probe, { stdio: 'ignore' }).status === 0);
}

function told(program: string, found: boolean): boolean {
  if (!found && process.env.CI === 'true') throw new Error(`${program} is not installed, and CI must run its tests`);
  if (!found) console.warn(`\n*** SKIPPED: ${program} is not installed, its tests do not run ***\n`);
  return found;
}

export class SmtpSink {
  readonly port: number;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(port: number, folder: string, child: ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#child = child;
  }

  /** Ends by itself when it has taken `messages`, without a reply to the last: who waits for that reply is left in doubt. */
  static async start(parent: string, messages: number, port?: number, ...flags: string[]): Promise<SmtpSink> {
    const chosen = port ?? (await freePort());
    const folder = join(parent, `sink-${chosen}`);
    mkdirSync(folder, { recursive: true, mode: 0o777 });
    const args = ['-u', 'root', '-M', String(messages), '-d', `${folder}/m.`, ...flags, `127.0.0.1:${chosen}`, '100'];
    const child = spawn('smtp-sink', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    await listening(chosen, child);
    return new SmtpSink(chosen, folder, child);
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** Resolves when all messages came, with each as the sink kept it: its own lead of X- fields, and LF for CRLF. */
  async messages(): Promise<string[]> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
    return readdirSync(this.#folder).map((name) => readFileSync(join(this.#folder, name), 'latin1'));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'close');
  }
}

/** What posthaste handed over: the message without the sink's lead and without the Received fields of sink and posthaste. */
export function submittedPart(kept: string): { content: string; received: string; lead: string } {
  const body = kept.indexOf('Received: ');
  const fields = splitFields(kept.slice(body));
  const [sinks = '', ours = ''] = fields;
  return { lead: kept.slice(0, body), received: ours, content: kept.slice(body + sinks.length + ours.length) };
}

function splitFields(text: string): string[] {
  return text.split(/(?<=\n)(?![ \t])/);
}
