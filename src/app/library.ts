/** The queue as a library: opened inside an application, with or without a server beside it. */
import { type Loaded, showComplaint } from '../config/load.ts';
import { nearest } from '../config/nearest.ts';
import { readConfig } from '../config/read.ts';
import { ownDatabase } from '../config/settings/ways-in.ts';
import { type PosthasteConfig, type SettingName, settingNames } from '../config/settings.ts';
import { PosthasteError, shown } from '../errors.ts';
import { type Log, silentLog } from '../runtime/log.ts';
import type { IntakeContext } from '../submission/intake.ts';
import { intakeContext } from './intake.ts';
import { MailQueue } from './mail-queue.ts';
import { type App, openApp } from './open.ts';
import { openDkim } from './signing.ts';
import { packageVersion } from './version.ts';
import { wayChecks } from './way-checks.ts';

/** Settings as in a configuration file, and what only an application has. */
export interface QueueSettings extends PosthasteConfig {
  /** A configuration file to read. Default: `POSTHASTE_CONFIG`, else `posthaste.config.{ts,mts,js,mjs,json}` in the working directory. */
  readonly configFile?: string;
  /** Where events go. Default: nowhere. */
  readonly log?: Log;
}

/** Settings of the SMTP listener and the like: a library has no use for them, and one who shares a file with a server none for their faults. */
const OF_SERVERS: readonly SettingName[] = [
  'listen',
  'users',
  'clients',
  'tlsCert',
  'tlsKey',
  'admin',
  'adminUsers',
  'adminViewers',
  'adminHosts',
  'metrics',
  'alertWebhook',
  'alertCommand',
  'bareLf',
  'deliver',
];

/** Where settings may stand beside those that are given. */
interface Sources {
  readonly environment: NodeJS.ProcessEnv;
  /** The folder of a configuration file that nobody named. */
  readonly cwd: string;
}

type Make<Q> = new (app: App, intake: IntakeContext, log: Log, version: string) => Q;

export function openQueue(settings: QueueSettings = {}): Promise<MailQueue> {
  return openQueueAs(MailQueue, settings, { environment: process.env, cwd: process.cwd() });
}

export async function openQueueAs<Q>(Make: Make<Q>, settings: QueueSettings, sources: Sources): Promise<Q> {
  checkNode(process.versions.node);
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw new PosthasteError('CONFIG_INVALID', `openQueue() was given ${shown(settings)}: give an object, or nothing.`);
  const { configFile, log = silentLog, ...given } = settings;
  checkLog(log);
  const loaded = await settingsOf(given, configFile, sources);
  const { config } = loaded;
  const signer = await openDkim(config);
  // A file of the queue's own is nobody else's; any other may be the application's.
  const apart = config.database !== ownDatabase(config.dataDir);
  const app = await openApp(config, log, { apart, loaded });
  return new Make(app, intakeContext(app, log, signer), log, packageVersion());
}

function checkLog(log: unknown): void {
  const missing = Object.keys(silentLog).find((level) => typeof Object(log)[level] !== 'function');
  if (missing === undefined) return;
  const text = `log in openQueue() is ${shown(log)}, which has no ${missing}(): give a logger like pino's, or nothing.`;
  throw new PosthasteError('CONFIG_INVALID', text);
}

/** In an older one the driver for SQLite ends the process without a word. */
function checkNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  throw new PosthasteError('CONFIG_INVALID', `posthaste needs Node.js 22.18 or newer, this is ${version}.`);
}

async function settingsOf(given: PosthasteConfig, configFile: string | undefined, sources: Sources): Promise<Loaded> {
  const unknown = Object.keys(given).find((name) => !(settingNames as readonly string[]).includes(name));
  if (unknown !== undefined) {
    const meant = nearest(unknown, settingNames);
    const hint = meant === undefined ? 'docs/configuration.md lists all settings' : `did you mean ${meant}?`;
    throw new PosthasteError('CONFIG_INVALID', `openQueue() knows no setting ${unknown}: ${hint}`);
  }
  const result = await readConfig({
    flags: given,
    nameOfFlag: (name) => `${name} in openQueue()`,
    configFile,
    ...sources,
    without: OF_SERVERS,
    checks: wayChecks,
  });
  if ('loaded' in result) return result.loaded;
  throw new PosthasteError('CONFIG_INVALID', result.complaints.map(showComplaint).join('\n'));
}
