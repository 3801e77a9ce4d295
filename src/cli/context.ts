/** What every command works with: the program behind it, its settings, and the terminal before it. */
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { CopyReport, CopyRequest } from '../app/copy.ts';
import type { Working } from '../app/working.ts';
import { type Check, type Loaded, showComplaint } from '../config/load.ts';
import { readConfig, SYSTEM_FOLDER } from '../config/read.ts';
import type { RelaySettings } from '../config/relays.ts';
import type { Config, SettingName } from '../config/settings.ts';
import type { Envelope } from '../mail/envelope.ts';
import type { Operator } from '../queue/operator.ts';
import type { Queue } from '../queue/queue.ts';
import type { Store } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { deadLinkOn } from '../runtime/folders.ts';
import type { Id } from '../runtime/id.ts';
import type { Service } from '../runtime/service.ts';
import type { SubmissionDetails } from '../submission/intake.ts';
import { EXIT, Failure } from './failure.ts';
import { Terminal } from './terminal.ts';

/** The queue, open for one short command. Logs nothing on standard output. */
export interface App {
  readonly queue: Queue;
  /** For what changes something: who gave the command is written down. */
  readonly operator: Operator;
  readonly store: Store;
  /** The accept path of all ways in: checks, header, Received field, durable. Throws a PosthasteError with the reason of a refusal. */
  submit(envelope: Envelope, content: Uint8Array, details?: SubmissionDetails): Promise<Id>;
  close(): Promise<void>;
}

/** A long-running process. Says by its own log how it starts, that it captures, and where it listens. */
export interface Server extends Service {
  /** Resolves when what is being written to the log is, or cannot be. Never rejects. */
  written(): Promise<void>;
  /** Writes what of the log is still in memory. */
  flush(): void;
}

/** What came of asking the relay for a connection and a login. */
export interface RelayCheck {
  /** Whose login it is: an address or `@domain`; null: everybody's, or none. */
  readonly sender: string | null;
  readonly ok: boolean;
  /** One sentence, that a person can act on where it is not well. */
  readonly text: string;
}

/** What came of looking at a DKIM key. */
export interface KeyCheck {
  readonly level: 'ok' | 'warning' | 'fault';
  /** One sentence, that a person can act on where it is not well. */
  readonly text: string;
  /** The part of the entry that is at fault. */
  readonly part?: 'domain' | 'selector' | 'key';
}

/** What the composition root offers to commands. */
export interface Program {
  /** Opens the database (and migrates it, as every opening does). */
  openApp(config: Config): Promise<App>;
  /** The whole queue from one database into another. */
  copyQueue(request: CopyRequest): Promise<CopyReport>;
  createServer(loaded: Loaded, role: 'serve' | 'work'): Promise<Server>;
  /** Tries everything that is due once, then returns. False: another run has the lock. */
  workOnce(config: Config): Promise<boolean>;
  /** Connects and logs in without sending, with each login. */
  checkRelay(config: Config, relay: RelaySettings): Promise<readonly RelayCheck[]>;
  /** What a lack of room on the disk stops, in a sentence; null while there is room. */
  spaceProblem(config: Config): Promise<string | null>;
  /** Octets under the database, and how many must stay free; null for a database on a server. */
  space(config: Config): Promise<{ readonly free: number; readonly minimum: number } | null>;
  /** What is damaged in the file of the queue, which is read for it; null: nothing, or there is no file. */
  damage(config: Config): Promise<string | null>;
  /** The processes that work on the queue now. */
  workers(config: Config): Promise<readonly Working[]>;
  /** What is to be said of each DKIM key, also by DNS. */
  checkDkim(config: Config): Promise<readonly KeyCheck[]>;
  /** Of a server's settings, by the parts that know them. */
  checks(): Promise<readonly Check[]>;
}

/** Secrets that only a server needs: a person may look at the queue without the right to read them. */
export const SERVER_SECRETS: readonly SettingName[] = [
  'relay',
  'users',
  'adminUsers',
  'adminViewers',
  'alertWebhook',
  'webhooks',
];

export interface Opening {
  /** The command may be the first one ever: the database is made when it is missing. */
  readonly create?: boolean;
}

export class Cli {
  readonly terminal: Terminal;
  readonly program: Program;
  readonly #folders: readonly string[];

  /** `folders`: where a configuration file is looked for. */
  constructor(
    program: Program,
    terminal: Terminal = new Terminal(),
    folders: readonly string[] = [process.cwd(), SYSTEM_FOLDER],
  ) {
    this.program = program;
    this.terminal = terminal;
    this.#folders = folders;
  }

  now(): Instant {
    return Date.now();
  }

  /** The effective settings of a command, from its flags and all else. Complaints end the command. */
  async settings(command: Command, without: readonly SettingName[] = []): Promise<Loaded> {
    const { config: configFile, ...flags } = command.opts<Record<string, unknown>>();
    const settingFlags = Object.fromEntries(Object.entries(flags).filter(([name]) => isSettingFlag(command, name)));
    const result = await readConfig({
      flags: settingFlags,
      configFile: typeof configFile === 'string' ? configFile : undefined,
      environment: process.env,
      cwd: process.cwd(),
      folders: this.#folders,
      without,
      // They look at the settings of a server, and some of these were left out.
      checks: without.length === 0 ? await this.program.checks() : [],
    });
    if ('loaded' in result) return result.loaded;
    throw new Failure(result.complaints.map(showComplaint).join('\n'), EXIT.config);
  }

  /** Runs `work` with the queue open, and closes it whatever happens. */
  async withApp<T>(
    command: Command,
    work: (app: App, config: Config) => Promise<T>,
    opening: Opening = {},
  ): Promise<T> {
    const { config } = await this.settings(command, SERVER_SECRETS);
    if (opening.create !== true) mustExist(config.database);
    const app = await this.program.openApp(config);
    try {
      return await work(app, config);
    } finally {
      await app.close();
    }
  }
}

/** Options of a command that are settings were marked so when they were added (options.ts). */
const marked = new WeakMap<Command, Set<string>>();

export function markSetting(command: Command, name: SettingName): void {
  const names = marked.get(command) ?? new Set();
  marked.set(command, names.add(name));
}

function isSettingFlag(command: Command, name: string): boolean {
  return marked.get(command)?.has(name) ?? false;
}

/** A command that only looks must not make an empty database, and then say that no mail waits. */
function mustExist(database: string): void {
  const file = /^sqlite:(?!:memory:)(.*)$/s.exec(database)?.[1];
  if (file === undefined || existsSync(file)) return;
  const folder = dirname(file);
  if (existsSync(folder) && !mayEnter(folder))
    throw new Failure(`permission denied: ${folder} is not ours to look into`, EXIT.failure);
  const dead = deadLinkOn(folder);
  if (dead !== null) throw new Failure(`there is no queue at ${file}: ${dead}`, EXIT.failure);
  throw new Failure(
    `there is no queue at ${file}; posthaste serve makes it, --data-dir or --database name another`,
    EXIT.failure,
  );
}

function mayEnter(folder: string): boolean {
  try {
    accessSync(folder, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
