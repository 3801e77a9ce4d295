/** `posthaste check`: tries out the settings without taking or sending mail. */
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { maskUrl, showHostPort } from '../config/kinds.ts';
import { isLoopback, schemeOf } from '../config/relay-checks.ts';
import { type RelaySettings, relaysOf } from '../config/relays.ts';
import { type Config, settingNames } from '../config/settings.ts';
import { PosthasteError } from '../errors.ts';
import type { Counts, Store } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { deadLinkOn } from '../runtime/folders.ts';
import { newId } from '../runtime/id.ts';
import type { Cli } from './context.ts';
import { EXIT } from './failure.ts';
import { deliveries, humanSize } from './format.ts';
import { addExamples, addSettings } from './options.ts';
import { otherSettings } from './other-settings.ts';

interface Finding {
  readonly what: string;
  /** False alone makes the command fail. */
  readonly ok: boolean;
  /** Well enough to start with, but somebody should look at it. */
  readonly warning?: true;
  /** One sentence, that says what to do where it is not well. */
  readonly text: string;
}

export function addCheck(program: Command, cli: Cli): void {
  const command = program
    .command('check')
    .description(
      'Validate the settings, open the database, compare DKIM keys with DNS, connect to each relay and log in, with every login, without sending. Exit code: 0 all is well but for warnings, 1 something is not, 78 a setting is wrong.',
    );
  command.option('--json', 'one JSON object a line for each finding');
  addSettings(command, settingNames);
  addExamples(command, 'check', 'check --relay smtp://user:password@relay.example.com:587');
  command.action(async (flags: { json?: true }) => {
    const { config } = await cli.settings(command);
    const print = async (finding: Finding): Promise<Finding> => {
      await cli.terminal.print(flags.json === true ? JSON.stringify(forPrograms(finding)) : forPeople(cli, finding));
      return finding;
    };
    const findings = [await print({ what: 'settings', ok: true, text: 'are valid' })];
    for (const finding of [...pemFiles(config), ...admin(config)]) findings.push(await print(finding));
    for (const finding of await dkimKeys(cli, config)) findings.push(await print(finding));
    findings.push(await print(await database(cli, config)));
    findings.push(await print(await disk(cli, config)));
    for (const text of await otherSettings(cli, config))
      findings.push(await print({ what: 'server', ok: true, warning: true, text }));
    for (const some of relays(cli, config)) for (const finding of await some) findings.push(await print(finding));
    process.exitCode = findings.every((finding) => finding.ok) ? EXIT.fine : EXIT.failure;
  });
}

function forPrograms(finding: Finding): object {
  return { ...finding, warning: finding.warning === true };
}

function forPeople({ terminal }: Cli, { what, ok, warning, text }: Finding): string {
  const word = ok ? terminal.paint('green', 'ok  ') : terminal.paint('red', 'FAIL');
  return `${warning === true ? terminal.paint('yellow', 'warn') : word}  ${`${what} `.padEnd(10)}${text}`;
}

function pemFiles(config: Config): readonly Finding[] {
  const own = (['tlsCert', 'tlsKey', 'relayCa'] as const).map((name) => [name, config[name] ?? undefined] as const);
  const ofRelays = Object.entries(config.relays).flatMap(([name, { tls = {} }]) =>
    (['ca', 'cert', 'key'] as const).map((part) => [`relays.${name}.tls.${part}`, tls[part]] as const),
  );
  return [...own, ...ofRelays].flatMap(([name, path]) =>
    path === undefined
      ? []
      : [attempt(name, () => pemFile(path, isCa(name)), 'correct the path, or let this user read it')],
  );
}

function isCa(setting: string): boolean {
  return setting === 'relayCa' || setting.endsWith('.ca');
}

function pemFile(path: string, ca: boolean): string {
  const text = readFileSync(path, 'utf8');
  if (!/-----BEGIN [A-Z0-9 ]+-----/.test(text))
    throw new Error(`${path} is no PEM file: it has no line -----BEGIN ...-----`);
  if (ca && !/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(text)) throw new Error(`${path} holds no certificate`);
  return `${path} is a PEM file`;
}

/** Orchestrators often want it so: it is no fault, and somebody should know. */
function admin({ admin: address }: Config): readonly Finding[] {
  if (address === null || isLoopback(address.host)) return [];
  const text = `${showHostPort(address)} can be reached from other machines, without TLS: all but /livez and /readyz asks for a login`;
  return [{ what: 'admin', ok: true, text }];
}

/** At the same time: each asks DNS, which may take its time. */
async function dkimKeys(cli: Cli, config: Config): Promise<readonly Finding[]> {
  const reports = await cli.program.checkDkim(config);
  return reports.map(({ level, part, text }, i) => {
    const name = part === 'key' && config.dkim[i]?.keyFile !== undefined ? 'keyFile' : part;
    const what = ['dkim', i, ...(name === undefined ? [] : [name])].join('.');
    return { what, ok: level !== 'fault', ...(level === 'warning' && { warning: true as const }), text };
  });
}

function attempt(what: string, work: () => string, advice: string): Finding {
  try {
    return { what, ok: true, text: work() };
  } catch (error) {
    return fail(what, error, advice);
  }
}

/** Our own errors say themselves what to do. */
function fail(what: string, error: unknown, advice: string): Finding {
  const text = error instanceof Error ? error.message : String(error);
  return { what, ok: false, text: error instanceof PosthasteError ? text : `${text.replace(/\.$/, '')}; ${advice}` };
}

/** A replica can be read and opens all the same: what changes nothing fails where nothing can be changed. */
async function look(store: Store, onServer: boolean, now: Instant): Promise<Counts> {
  if (onServer) await store.unstage(newId(now));
  return store.counts(now);
}

/** One that is not there yet is not made: the user who checks may not be the one who serves. */
async function database(cli: Cli, config: Config): Promise<Finding> {
  const shown = maskUrl(config.database);
  const file = /^sqlite:(?!:memory:)(.*)$/s.exec(config.database)?.[1];
  if (file !== undefined && !existsSync(file)) {
    const dead = deadLinkOn(dirname(file));
    if (dead !== null) return { what: 'database', ok: false, text: `${shown} cannot be made: ${dead}; ${MOUNT}` };
    const make = (): string => {
      accessSync(nearestFolder(file), constants.W_OK);
      return `${shown} is not there yet; posthaste serve makes it`;
    };
    return attempt('database', make, 'run it as the user that serves, or set another dataDir');
  }
  try {
    const app = await cli.program.openApp(config);
    const { states } = await look(app.store, file === undefined, cli.now()).finally(() => app.close());
    const damage = await cli.program.damage(config);
    if (damage !== null) return { what: 'database', ok: false, text: `${shown} is damaged: ${damage}. ${RECOVER}` };
    return {
      what: 'database',
      ok: true,
      text: `${shown} opens, ${waitWords(states.queued + states.sending + states.held)} in it`,
    };
  } catch (error) {
    return fail('database', error, 'run it as the user that serves; posthaste config shows where the path comes from');
  }
}

const MOUNT = 'mount the volume that is to be there, or set another dataDir';

const RECOVER = 'Stop posthaste, and restore it from a backup or save what can be read: docs/operating.md says how.';

function waitWords(count: number): string {
  return `${deliveries(count)} ${count === 1 ? 'waits' : 'wait'}`;
}

/** Beyond this many times the least that must be free, nobody need think of it. */
const AMPLE = 10;

async function disk(cli: Cli, config: Config): Promise<Finding> {
  const what = 'disk';
  try {
    const space = await cli.program.space(config);
    if (space === null) return { what, ok: true, text: 'is that of the database server' };
    const { free, minimum } = space;
    const limit = `below ${humanSize(minimum)} (minFreeSpace) new mail is refused`;
    const text = `${humanSize(free)} are free for the database; ${limit}`;
    if (free < minimum)
      return { what, ok: false, text: `${text}: make room on that disk, or set a smaller minFreeSpace` };
    if (free < AMPLE * minimum) return { what, ok: true, warning: true, text: `${text}: make room before that` };
    return { what, ok: true, text };
  } catch (error) {
    return fail(what, error, 'run it as the user that serves, or set another dataDir');
  }
}

function nearestFolder(path: string): string {
  const folder = dirname(path);
  if (!existsSync(folder)) return nearestFolder(folder);
  if (!statSync(folder).isDirectory()) throw new Error(`${folder} is no folder`);
  return folder;
}

/** One after the other, so that their connections do not add up. */
function* relays(cli: Cli, config: Config): Generator<Promise<readonly Finding[]>, void> {
  const all = relaysOf(config);
  if (all.length === 0) yield Promise.resolve([CAPTURING]);
  for (const relay of all) yield relayFindings(cli, config, relay, all.length === 1 ? 'relay' : `relay ${relay.name}`);
}

const CAPTURING: Finding = {
  what: 'relay',
  ok: true,
  text: 'none is set: mail is captured, nothing leaves this machine; set one with --relay smtp://user:password@host:587',
};

/** One for each of its logins. */
async function relayFindings(
  cli: Cli,
  config: Config,
  relay: RelaySettings,
  what: string,
): Promise<readonly Finding[]> {
  if (relay.url !== null && schemeOf(relay.url) === 'capture')
    return [{ what, ok: true, text: 'keeps mail here (capture:), nothing leaves this machine by it' }];
  try {
    const checks = await cli.program.checkRelay(config, relay);
    return checks.map(({ sender, ok, text }) => ({ what: sender === null ? what : `${what} as ${sender}`, ok, text }));
  } catch (error) {
    return [fail(what, error, 'posthaste config shows its settings')];
  }
}
