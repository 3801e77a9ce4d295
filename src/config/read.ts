/** Reads what settings come from: the configuration file, the files of secrets, and the facts of the machine. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { standardChecks } from './checks.ts';
import { type Check, type ConfigFile, fileVariableOf, type LoadResult, load, type SecretFile } from './load.ts';
import { type Facts, type SettingName, settingNames } from './settings.ts';

/** Looked for in the working directory, where no `--config` names another. */
export const CONFIG_FILES = ['ts', 'mts', 'js', 'mjs', 'json'].map((ending) => `posthaste.config.${ending}`);

export interface ReadOptions {
  /** Settings by name, as text, or as a configuration file would have them. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly nameOfFlag?: (name: SettingName) => string;
  /** `--config`. */
  readonly configFile?: string | undefined;
  readonly environment: Facts['environment'];
  readonly cwd: string;
  readonly without?: readonly SettingName[];
  /** Beside those of this folder. */
  readonly checks?: readonly Check[];
}

export async function readConfig(options: ReadOptions): Promise<LoadResult> {
  const { flags, environment, cwd, without = [] } = options;
  const facts = { ...factsOfMachine(), cwd, environment };
  const file = await readConfigFile(options.configFile || environment.POSTHASTE_CONFIG || undefined, cwd);
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

async function readConfigFile(named: string | undefined, cwd: string): Promise<ConfigFile | FaultyFile | null> {
  const found =
    named === undefined
      ? CONFIG_FILES.map((name) => resolve(cwd, name)).filter((path) => existsSync(path))
      : [resolve(cwd, named)];
  const [path, other] = found;
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
  if (path.endsWith('.json')) return JSON.parse(text);
  const module: { default?: unknown } = await import(pathToFileURL(path).href);
  return module.default;
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
