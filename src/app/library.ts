/** The queue as a library: opened inside an application, with or without a server beside it. */
import { showComplaint } from '../config/load.ts';
import { nearest } from '../config/nearest.ts';
import { readConfig } from '../config/read.ts';
import { type Config, type PosthasteConfig, type SettingName, settingNames } from '../config/settings.ts';
import { PosthasteError } from '../errors.ts';
import { routedHeaders } from '../queue/route.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Log, silentLog } from '../runtime/log.ts';
import type { IntakeContext } from '../submission/intake.ts';
import { MailQueue } from './mail-queue.ts';
import { openApp } from './open.ts';
import { openDkim } from './signing.ts';
import { packageVersion } from './version.ts';

/** Settings as in a configuration file, and what only an application has. */
export interface QueueSettings extends PosthasteConfig {
  /** A configuration file to read. Default: `POSTHASTE_CONFIG`, else `posthaste.config.{ts,mts,js,mjs,json}` in the working directory. */
  readonly configFile?: string;
  /** Where events go. Default: nowhere. */
  readonly log?: Log;
}

/** Settings of the SMTP listener and the like: a library has no use for them, and one who shares a file with a server none for their faults. */
const OF_SERVERS: readonly SettingName[] = ['listen', 'users', 'clients', 'tlsCert', 'tlsKey', 'admin', 'bareLf'];

export async function openQueue(settings: QueueSettings = {}): Promise<MailQueue> {
  const { configFile, log = silentLog, ...given } = settings;
  const config = await configOf(given, configFile);
  const signer = await openDkim(config);
  const app = await openApp(config, log);
  const intake: IntakeContext = {
    queue: app.queue,
    clock: systemClock,
    log,
    hostname: config.hostname,
    limits: config,
    // What composes in this process cannot smuggle anything past itself.
    bareLf: 'normalise',
    routedHeaders: routedHeaders(config.routes),
    signer,
  };
  return new MailQueue(app, intake, log, packageVersion());
}

async function configOf(given: PosthasteConfig, configFile: string | undefined): Promise<Config> {
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
    environment: process.env,
    cwd: process.cwd(),
    without: OF_SERVERS,
  });
  if ('loaded' in result) return result.loaded.config;
  throw new PosthasteError('CONFIG_INVALID', result.complaints.map(showComplaint).join('\n'));
}
