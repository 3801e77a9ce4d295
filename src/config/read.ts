/** Reads what settings come from: the configuration file, the files of secrets, and the facts of the machine. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { standardChecks } from './checks.ts';
import { type Check, type ConfigFile, fileVariableOf, type LoadResult, load, type SecretFile } from './load.ts';
import type { Facts } from './setting.ts';
import { type SettingName, settingNames } from './settings.ts';

/** Looked for where no `--config` names a file. */
export const CONFIG_FILES = ['ts', 'mts', 'js', 'mjs', 'json'].map((ending) => `posthaste.config.${ending}`);

/** Where a machine has the settings that all its users share. */
export const SYSTEM_FOLDER = '/etc/posthaste';

export interface ReadOptions {
  /** Settings by name, as text, or as a configuration file would have them. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly nameOfFlag?: (name: SettingName) => string;
  /** `--config`. */
  readonly configFile?: string | undefined;
  readonly environment: Facts['environment'];
  readonly cwd: string;
  /** Where a configuration file is looked for, in this order. Default: in `cwd`. */
  readonly folders?: readonly string[];
  readonly without?: readonly SettingName[];
  /** Beside those of this folder. */
  readonly checks?: readonly Check[];
}

export async function readConfig(options: ReadOptions): Promise<LoadResult> {
  const { flags, environment, cwd, without = [] } = options;
  const facts = { ...factsOfMachine(), cwd, environment };
  const file = await readConfigFile(configFilesOf(options));
  if (file !== null && 'fault' in file) {
    return { complaints: [{ key: file.path, origin: file.path, value: null, fault: file.fault }] };
  }
  const secretFiles = readSecretFiles(environment, cwd, without);
  return load({ flags, file, facts, secretFiles, without, nameOfFlag: options.nameOfFlag }, [
    ...standardChecks,
    ...(options.checks ?? []),
  ]);
}

function factsOfMachine(): Omit<Facts, 'cwd' | 'environment'> {
  return { hostname: hostname(), home: homedir(), platform: process.platform, root: process.getuid?.() === 0 };
}

type FaultyFile = { readonly path: string; readonly fault: string };

/** The paths of the configuration file: none where there is none, and more than one only by mistake. */
export function configFilesOf({ configFile, environment, cwd, folders = [cwd] }: ReadOptions): readonly string[] {
  const named = configFile || environment.POSTHASTE_CONFIG;
  if (named) return [resolve(cwd, named)];
  const found = folders.map((folder) => CONFIG_FILES.map((name) => resolve(folder, name)).filter(existsSync));
  return found.find((paths) => paths.length > 0) ?? [];
}

async function readConfigFile([path, other]: readonly string[]): Promise<ConfigFile | FaultyFile | null> {
  if (path === undefined) return null;
  if (other !== undefined) return { path: other, fault: `stands beside ${path}; keep one of them` };
  try {
    return { path, folder: dirname(path), values: await valuesOf(path) };
  } catch (error) {
    return { path, fault: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

async function valuesOf(path: string): Promise<unknown> {
  const text = readFileSync(path, 'utf8');
  if (text.trim() === '') throw new Error('it is empty, write settings into it or remove it');
  if (path.endsWith('.json')) return parseJson(text);
  const module: { default?: unknown } = await import(pathToFileURL(path).href);
  return module.default;
}

/** The parser says where in the text a fault is, but not that something is missing at its end. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as SyntaxError;
    if (!/^Unexpected end/.test(message)) throw error;
    const lines = text.trimEnd().split('\n');
    const place = `line ${lines.length} column ${(lines.at(-1) ?? '').length + 1}`;
    throw new Error(`${message} (${place}): something is not closed`, { cause: error });
  }
}

function readSecretFiles(
  environment: Facts['environment'],
  cwd: string,
  without: readonly SettingName[],
): ReadonlyMap<string, SecretFile> {
  const files = new Map<string, SecretFile>();
  for (const name of settingNames) {
    const variable = without.includes(name) ? undefined : fileVariableOf(name);
    const path = variable === undefined ? undefined : environment[variable];
    if (path) files.set(path, readSecret(resolve(cwd, path)));
  }
  return files;
}

function readSecret(path: string): SecretFile {
  try {
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}
