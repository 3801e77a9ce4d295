/** The way in of `posthaste sendmail`: straight into the queue where the user may write it, else through the server that may. */
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../config/settings.ts';
import { knownNodes } from '../queue/nodes.ts';
import { routedHeaders } from '../queue/route.ts';
import { isWorked } from '../queue/why.ts';
import { systemClock } from '../runtime/clock.ts';
import { silentLog } from '../runtime/log.ts';
import { Intake, type IntakeContext } from '../submission/intake.ts';
import { isRejection, STORAGE_FULL } from '../submission/rejections.ts';
import type { LocalMessage } from '../submission/sendmail/read-message.ts';
import { findServer } from './local-server.ts';
import type { Answer, Way } from './local-way.ts';
import { type App, openApp } from './open.ts';
import { openDkim } from './signing.ts';
import { spaceFault } from './space.ts';

export interface WayOptions {
  readonly config: Config;
  /** The name of the user, kept with the message. */
  readonly user: string;
  /** A database that is missing is made. */
  readonly create: boolean;
  /** Why the settings of this machine are unknown to the user, who then must not guess where the queue is; null: they are known. */
  readonly blind: string | null;
}

/** Throws STORE_UNAVAILABLE when there is no way, with what keeps the user from the queue. */
export async function openWay(options: WayOptions): Promise<Way> {
  const { config, blind } = options;
  const obstacle = blind ?? databaseObstacle(config.database, options);
  if (obstacle !== null) return findServer(config, obstacle);
  try {
    return await QueueWay.open(options);
  } catch (error) {
    return findServer(config, error instanceof Error ? error.message.replace(/\.$/, '') : String(error));
  }
}

/** What keeps this user from writing a SQLite database, in words; null: nothing does, as far as can be told before it is opened. */
function databaseObstacle(database: string, { user, create }: WayOptions): string | null {
  const file = /^sqlite:(.*)$/s.exec(database)?.[1];
  if (file === undefined) return null;
  const fault = accessFault(file);
  if (fault === 'ENOENT') return create ? null : `${user} finds no queue at ${file}`;
  if (fault !== undefined) return `${user} may not write ${file}`;
  // The log beside it comes and goes, so its folder must be writable too.
  return accessFault(dirname(file)) === undefined ? null : `${user} may not write in ${dirname(file)}`;
}

/** The code of what keeps us from reading and writing there; undefined: nothing. */
function accessFault(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
  }
}

class QueueWay implements Way {
  readonly #app: App;
  readonly #intake: IntakeContext;
  readonly #user: string;
  /** What the store said when it failed. */
  readonly #errors: string[];

  private constructor(app: App, intake: IntakeContext, user: string, errors: string[]) {
    this.#app = app;
    this.#intake = intake;
    this.#user = user;
    this.#errors = errors;
  }

  static async open({ config, user }: WayOptions): Promise<QueueWay> {
    const signer = await openDkim(config);
    const app = await openApp(config, silentLog, { here: true });
    const errors: string[] = [];
    const log = {
      ...silentLog,
      error: (fields: Readonly<Record<string, unknown>>) => errors.push(String(fields.error)),
    };
    const intake: IntakeContext = {
      queue: app.queue,
      clock: systemClock,
      log,
      hostname: config.hostname,
      limits: config,
      // A program of this machine cannot smuggle anything past itself.
      bareLf: 'normalise',
      routedHeaders: routedHeaders(config.routes),
      signer,
    };
    return new QueueWay(app, intake, user, errors);
  }

  async submit({ envelope, content }: LocalMessage): Promise<Answer> {
    const fault = await spaceFault(this.#app.config);
    if (fault !== null) return { reply: STORAGE_FULL, words: fault };
    const details = { metadata: { user: this.#user } };
    const intake = new Intake(this.#intake, { envelope, origin: 'sendmail', from: null, details });
    const result = await intake.take(content);
    if (isRejection(result)) return { reply: result, words: this.#errors.join('; ') };
    return { reply: { code: 250, status: '2.0.0', text: `queued as ${result.id}` }, words: await this.#outlook() };
  }

  async #outlook(): Promise<string> {
    const nodes = await knownNodes(this.#app.store);
    const when = isWorked(nodes, systemClock.now()) ? '' : '; no posthaste runs here now: it is sent when one does';
    return `written to ${shownDatabase(this.#app.config)}${when}`;
  }

  async session(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Promise<boolean> {
    const { holdSession } = await import('../submission/smtp/pipe.ts');
    const { maxErrors, idleTimeout } = this.#app.config;
    const storageFull = (await spaceFault(this.#app.config)) !== null;
    const options = { intake: this.#intake, limits: this.#app.config, maxErrors, idleTimeout, storageFull };
    return holdSession(input, output, options);
  }

  close(): Promise<void> {
    return this.#app.close();
  }
}

/** A file by its path; a server may have a password in its URL. */
function shownDatabase({ database }: Config): string {
  return database.startsWith('sqlite:') ? database.slice('sqlite:'.length) : 'the queue';
}
