/** From flags, environment and configuration file to the effective settings, or to complaints: a pure function. */
import { nearest } from './nearest.ts';
import type { Facts, Others } from './setting.ts';
import { type Config, flagOf, type SettingName, settingNames, settingOf, showValue, variableOf } from './settings.ts';
import { partFaults } from './structured.ts';

/** Where a value came from, as a person names it: `--relay`, `POSTHASTE_RELAY`, `relay in /srv/posthaste.config.ts`, `default`. */
export type Origin = string;

export interface Complaint {
  /** The setting, flag, variable or file that the complaint is about. */
  readonly key: string;
  readonly origin: Origin;
  /** Masked where it is secret; null where the value is not the fault. */
  readonly value: string | null;
  /** Completes "KEY ...": what is wrong and what is allowed. */
  readonly fault: string;
}

export interface ConfigFile {
  readonly path: string;
  readonly folder: string;
  readonly values: unknown;
}

/** The text of a file that a variable `POSTHASTE_..._FILE` names, or why it cannot be read. */
export type SecretFile = { readonly text: string } | { readonly fault: string };

export interface Sources {
  /** By setting name; undefined ones are not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** What a person calls one of `flags`. Default: `--name`. */
  readonly nameOfFlag?: ((name: SettingName) => string) | undefined;
  readonly file: ConfigFile | null;
  readonly facts: Facts;
  /** By the path as the variable gives it. */
  readonly secretFiles: ReadonlyMap<string, SecretFile>;
  /** Settings that the command has no use for: they keep their defaults and nobody complains about them. */
  readonly without?: readonly SettingName[];
}

export interface Loaded {
  readonly config: Config;
  readonly origins: Readonly<Record<SettingName, Origin>>;
  /** Settings that are given somewhere and were left out: they have their defaults here. */
  readonly unread: ReadonlySet<SettingName>;
  /** Settings that nothing here acts by, given or not. */
  readonly unused: ReadonlySet<SettingName>;
}

/** Looks at all settings together; adds complaints that no setting could make alone. */
export type Check = (loaded: Loaded) => readonly Complaint[];

export type LoadResult = { readonly loaded: Loaded } | { readonly complaints: readonly Complaint[] };

/** Variables that are no settings. */
const OTHER_VARIABLES = ['POSTHASTE_CONFIG', 'POSTHASTE_DEBUG'] as const;

/** What Kubernetes and Docker put into the environment of everything near a service that is called posthaste. */
const INJECTED =
  /^POSTHASTE_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

export function load(sources: Sources, checks: readonly Check[] = []): LoadResult {
  const complaints: Complaint[] = [...unknownVariables(sources), ...unknownKeys(sources.file)];
  const given = (name: string): boolean => isGiven(name as SettingName, sources);
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const name of settingNames) {
    const found = sources.without?.includes(name) ? undefined : find(name, sources, complaints);
    origins[name] = found?.origin ?? 'default';
    values[name] =
      found === undefined
        ? standard(name, sources.facts, { before: (other) => values[other], given })
        : parse(name, found, complaints);
  }
  if (complaints.length > 0) return { complaints };
  const unread = new Set(sources.without?.filter(given));
  const unused = new Set(sources.without);
  const loaded = { config: values as Config, origins: origins as Loaded['origins'], unread, unused };
  const later = checks.flatMap((check) => check(loaded));
  return later.length > 0 ? { complaints: later } : { loaded };
}

/** The variable that may hold the path of a file with a secret setting; undefined for settings that are no secret. */
export function fileVariableOf(name: SettingName): string | undefined {
  const { secret, fileOnly } = settingOf(name);
  return secret && !fileOnly ? `${variableOf(name)}_FILE` : undefined;
}

/** A complaint about a loaded value, for checks outside this module: names origin and masked value by itself. */
export function complain({ config, origins }: Loaded, name: SettingName, fault: string): Complaint {
  return { key: name, origin: origins[name], value: showValue(name, config[name]), fault };
}

/** The complaint as one sentence. */
export function showComplaint({ key, origin, value, fault }: Complaint): string {
  const from = origin === 'default' || origin === key ? '' : ` (${origin})`;
  return `${key}${from} ${value === null ? '' : `is ${JSON.stringify(value)}: `}${fault}`;
}

/** A complaint about a part of a loaded value: `relays.ses.fallback`. */
export function complainOf(
  { origins }: Loaded,
  name: SettingName,
  path: readonly PropertyKey[],
  fault: string,
): Complaint {
  return { key: [name, ...path].join('.'), origin: origins[name], value: null, fault };
}

interface Given {
  readonly value: unknown;
  readonly origin: Origin;
  /** Against which relative paths are meant. */
  readonly folder: string;
}

/** The value that wins: flags beat environment beats file. */
function find(name: SettingName, sources: Sources, complaints: Complaint[]): Given | undefined {
  const { flags, file, facts } = sources;
  const fromFile = keyed(file?.values)[name];
  if (flags[name] !== undefined)
    return { value: flags[name], origin: (sources.nameOfFlag ?? flagOf)(name), folder: facts.cwd };
  const fromEnvironment = findVariable(name, sources, complaints);
  if (fromEnvironment !== undefined) return fromEnvironment;
  if (file === null || fromFile === undefined) return undefined;
  return { value: fromFile, origin: `${name} in ${file.path}`, folder: file.folder };
}

/** Asked without reading any secret. */
function isGiven(name: SettingName, { flags, file, facts }: Sources): boolean {
  const variables = [variableOf(name), fileVariableOf(name)].map((variable) => facts.environment[variable ?? '']);
  return flags[name] !== undefined || keyed(file?.values)[name] !== undefined || variables.some(Boolean);
}

/** An empty variable counts as none: that is how `docker compose` passes one on that is not set. */
function findVariable(name: SettingName, { facts, secretFiles }: Sources, complaints: Complaint[]): Given | undefined {
  const variable = variableOf(name);
  if (settingOf(name).fileOnly) return undefined;
  const fileVariable = fileVariableOf(name);
  const value = facts.environment[variable] || undefined;
  const path = fileVariable === undefined ? undefined : facts.environment[fileVariable] || undefined;
  if (fileVariable === undefined || path === undefined) {
    return value === undefined ? undefined : { value, origin: variable, folder: facts.cwd };
  }
  const secret = secretFiles.get(path);
  if (value !== undefined) {
    complaints.push({
      key: variable,
      origin: variable,
      value: null,
      fault: `and ${fileVariable} are both set; set only one of them`,
    });
  } else if (secret === undefined || 'fault' in secret) {
    const why = secret === undefined ? 'it was not read' : secret.fault;
    complaints.push({ key: fileVariable, origin: fileVariable, value: path, fault: `the file cannot be read: ${why}` });
  } else {
    return { value: secret.text.replace(/[\r\n]+$/, ''), origin: `${fileVariable}=${path}`, folder: facts.cwd };
  }
  return undefined;
}

function parse(name: SettingName, { value, origin, folder }: Given, complaints: Complaint[]): unknown {
  const { kind, secret } = settingOf(name);
  const parsed = kind.schema.safeParse(value);
  if (parsed.success) return kind.anchor === undefined ? parsed.data : kind.anchor(parsed.data, folder);
  for (const { path, fault, show } of partFaults(parsed, kind, secret === true)) {
    const shown = show === 'nothing' ? null : show === 'mask' ? '***' : showRaw(partOf(value, path));
    complaints.push({ key: [name, ...path].join('.'), origin, value: shown, fault });
  }
  return undefined;
}

function partOf(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown>)[key], value);
}

function standard(name: SettingName, facts: Facts, others: Others): unknown {
  const value: unknown = settingOf(name).standard;
  return typeof value === 'function' ? value(facts, others) : value;
}

function showRaw(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}

function keyed(values: unknown): Readonly<Record<string, unknown>> {
  return typeof values === 'object' && values !== null && !Array.isArray(values)
    ? (values as Record<string, unknown>)
    : {};
}

function unknownKeys(file: ConfigFile | null): readonly Complaint[] {
  if (file === null) return [];
  if (keyed(file.values) !== file.values) {
    return [
      {
        key: file.path,
        origin: file.path,
        value: null,
        fault: 'must give one object with settings (as its default export, where it is a module)',
      },
    ];
  }
  const strange = Object.keys(keyed(file.values)).filter((key) => !(settingNames as readonly string[]).includes(key));
  return strange.map((key) => ({
    key,
    origin: file.path,
    value: null,
    fault: `is no setting${suggest(key, settingNames)}`,
  }));
}

const inEnvironment = settingNames.filter((name) => !settingOf(name).fileOnly);
const onlyInFile = settingNames.filter((name) => settingOf(name).fileOnly).map(variableOf);

/** An error, not a warning: behind a mistyped POSTHASTE_RELAY posthaste would run in capture mode and keep all mail. */
function unknownVariables({ facts }: Sources): readonly Complaint[] {
  const known = [
    ...inEnvironment.flatMap((name) => [variableOf(name), fileVariableOf(name) ?? []].flat()),
    ...OTHER_VARIABLES,
  ];
  return Object.keys(facts.environment)
    .filter((variable) => variable.startsWith('POSTHASTE_') && !known.includes(variable) && !INJECTED.test(variable))
    .map((variable) => ({
      key: variable,
      origin: variable,
      value: null,
      fault: onlyInFile.includes(variable)
        ? 'is no variable of posthaste: this setting stands in a configuration file only'
        : `is no variable of posthaste${suggest(variable, known, 'POSTHASTE_')}`,
    }));
}

/** What all of them begin with tells nothing of how near they are. */
function suggest(word: string, known: readonly string[], prefix = ''): string {
  const rest = (name: string): string => name.slice(prefix.length);
  const near = nearest(rest(word), known.map(rest));
  return near === undefined ? '; posthaste config lists them all' : `; did you mean ${prefix}${near}?`;
}
