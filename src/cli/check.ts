/** `posthaste check`: tries out the settings without taking or sending mail. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { maskUrl } from '../config/kinds.ts';
import { type RelaySettings, relaysOf } from '../config/relays.ts';
import { type Config, settingNames } from '../config/settings.ts';
import type { Cli } from './context.ts';
import { EXIT } from './failure.ts';
import { addExamples, addSettings } from './options.ts';

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly text: string;
}

export function addCheck(program: Command, cli: Cli): void {
  const command = program
    .command('check')
    .description(
      'Validate the settings, open the database, connect and log in to the relay without sending. Exit code: 0 all is well, 1 something is not, 78 a setting is wrong.',
    );
  command.option('--json', 'one JSON object a line for each finding');
  addSettings(command, settingNames);
  addExamples(command, 'check', 'check --relay smtp://user:password@relay.example.com:587');
  command.action(async (flags: { json?: true }) => {
    const { config } = await cli.settings(command);
    const print = async (finding: Finding): Promise<Finding> => {
      await cli.terminal.print(flags.json === true ? JSON.stringify(finding) : forPeople(cli, finding));
      return finding;
    };
    const findings = [await print({ what: 'settings', ok: true, text: 'are valid' })];
    for (const finding of pemFiles(config)) findings.push(await print(finding));
    findings.push(await print(await database(cli, config)));
    findings.push(await print(await disk(cli, config)));
    for (const finding of relays(cli, config)) findings.push(await print(await finding));
    process.exitCode = findings.every((finding) => finding.ok) ? EXIT.fine : EXIT.failure;
  });
}

function forPeople({ terminal }: Cli, { what, ok, text }: Finding): string {
  return `${ok ? terminal.paint('green', 'ok  ') : terminal.paint('red', 'FAIL')}  ${`${what} `.padEnd(10)}${text}`;
}

function pemFiles(config: Config): readonly Finding[] {
  const own = (['tlsCert', 'tlsKey', 'relayCa'] as const).map((name) => [name, config[name] ?? undefined] as const);
  const ofRelays = Object.entries(config.relays).flatMap(([name, { tls = {} }]) =>
    (['ca', 'cert', 'key'] as const).map((part) => [`relays.${name}.tls.${part}`, tls[part]] as const),
  );
  const signatures = config.dkim.map(({ keyFile }, i) => [`dkim.${i}.keyFile`, keyFile] as const);
  return [...own, ...ofRelays, ...signatures].flatMap(([name, path]) =>
    path === undefined ? [] : [attempt(name, () => pemFault(path) ?? `${path} is a PEM file`)],
  );
}

function pemFault(path: string): string | undefined {
  if (/-----BEGIN [A-Z0-9 ]+-----/.test(readFileSync(path, 'utf8'))) return undefined;
  throw new Error(`${path} is no PEM file: it has no line -----BEGIN ...-----`);
}

function attempt(what: string, work: () => string): Finding {
  try {
    return { what, ok: true, text: work() };
  } catch (error) {
    return fail(what, error);
  }
}

function fail(what: string, error: unknown): Finding {
  return { what, ok: false, text: error instanceof Error ? error.message : String(error) };
}

/** One that is not there yet is not made: the user who checks may not be the one who serves. */
async function database(cli: Cli, config: Config): Promise<Finding> {
  const shown = maskUrl(config.database);
  const file = /^sqlite:(?!:memory:)(.*)$/s.exec(config.database)?.[1];
  if (file !== undefined && !existsSync(file)) {
    return attempt('database', () => {
      accessSync(nearestFolder(file), constants.W_OK);
      return `${shown} is not there yet; posthaste serve makes it`;
    });
  }
  try {
    const app = await cli.program.openApp(config);
    const { states } = await app.store.counts(cli.now()).finally(() => app.close());
    return {
      what: 'database',
      ok: true,
      text: `${shown} opens, ${states.queued + states.sending + states.held} deliveries wait in it`,
    };
  } catch (error) {
    return fail('database', error);
  }
}

/** A folder that is not there yet has the disk of the one above it, which nobody has asked about. */
async function disk(cli: Cli, config: Config): Promise<Finding> {
  try {
    const fault = await cli.program.spaceFault(config);
    return { what: 'disk', ok: fault === null, text: fault ?? 'has room for mail' };
  } catch {
    return { what: 'disk', ok: true, text: 'is looked at when the database is there' };
  }
}

function nearestFolder(path: string): string {
  const folder = dirname(path);
  return existsSync(folder) ? folder : nearestFolder(folder);
}

/** One after the other, so that their connections do not add up. */
function* relays(cli: Cli, config: Config): Generator<Promise<Finding>, void> {
  const all = relaysOf(config);
  if (all.length === 0) yield Promise.resolve(CAPTURING);
  for (const relay of all) yield relayFinding(cli, config, relay, all.length === 1 ? 'relay' : `relay ${relay.name}`);
}

const CAPTURING: Finding = {
  what: 'relay',
  ok: true,
  text: 'none is set: mail is captured, nothing leaves this machine; set one with --relay smtp://user:password@host:587',
};

async function relayFinding(cli: Cli, config: Config, relay: RelaySettings, what: string): Promise<Finding> {
  try {
    return { what, ...(await cli.program.checkRelay(config, relay)) };
  } catch (error) {
    return fail(what, error);
  }
}
