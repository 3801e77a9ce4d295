/** The kinds of values that settings take: how each is read from text or a configuration file, and shown again. */
import { isIP } from 'node:net';
import { isAbsolute, resolve } from 'node:path';
import { read, type Schema } from './schema.ts';

/** One kind of value: `T` as posthaste uses it, `I` as it may be written in a configuration file. */
export interface Kind<T, I = unknown> {
  /** Reads the text of a flag or a variable, and the plain values of a configuration file. */
  readonly schema: Schema<T, I>;
  /** Stands for the value in help and documentation: `<duration>`. */
  readonly placeholder: string;
  /** All values there are, where they can be counted. */
  readonly choices?: readonly string[];
  /** Completes "allowed is ...". */
  readonly allowed: string;
  /** The value as a person would write it, masked where it is secret. */
  show(value: T): string;
  /** Makes relative paths absolute, against the folder from which the value came. */
  anchor?(value: T, folder: string): T;
  /** A value with parts: the same structure with each part as `leaf` gives it. */
  view?(value: T, leaf: Leaf): unknown;
}

/** What a part of a value becomes in a view of the whole. */
export type Leaf = (kind: Kind<unknown>, value: unknown, secret: boolean) => unknown;

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface User {
  readonly name: string;
  /** In plain text, or a hash that begins with `scrypt`. */
  readonly password: string;
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

/** Milliseconds from `30s`, `5m`, `1.5h`, `5d`, or a plain number; undefined when it is none. */
export function parseDuration(value: unknown): number | undefined {
  return parseQuantity(value, /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?$/i, (unit) => UNITS[unit.toLowerCase()]);
}

/** Octets from `50MB`, `64KiB` or a plain number; undefined when it is none. */
export function parseSize(value: unknown): number | undefined {
  return parseQuantity(value, /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)?$/i, (unit) => SIZES[unit.toUpperCase()]);
}

function parseQuantity(
  value: unknown,
  pattern: RegExp,
  factorOf: (unit: string) => number | undefined,
): number | undefined {
  const match = pattern.exec(typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '');
  if (match === null) return undefined;
  const factor = match[2] === undefined ? 1 : factorOf(match[2]);
  const quantity = Math.round(Number(match[1]) * (factor ?? Number.NaN));
  return Number.isSafeInteger(quantity) ? quantity : undefined;
}

/** In the largest unit that leaves no remainder: `90m`, `5d`, `1500ms`. */
export function showDuration(ms: number): string {
  if (ms === 0) return '0';
  const [unit, factor] = Object.entries(UNITS)
    .filter(([name, size]) => name !== 'w' && ms % size === 0)
    .at(-1) ?? ['ms', 1];
  return `${ms / factor}${unit}`;
}

export function showSize(octets: number): string {
  for (const unit of ['GB', 'MB', 'KB'] as const) {
    const factor = SIZES[unit] as number;
    if (octets >= factor && octets % factor === 0) return `${octets / factor}${unit}`;
  }
  return String(octets);
}

export const text: Kind<string, string> = {
  schema: read((value) => (typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined)),
  placeholder: 'text',
  allowed: 'a text that is not empty',
  show: (value) => value,
};

/** A name that may stand in a greeting and in a Received field: a domain or an address literal (RFC 5321 4.1.3). */
export const hostName: Kind<string, string> = {
  schema: read((value) =>
    typeof value === 'string' && /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-z:.]+\])$/i.test(value.trim())
      ? value.trim()
      : undefined,
  ),
  placeholder: 'name',
  allowed: 'a domain name such as mail.example.com, or an address literal such as [192.0.2.1]',
  show: (value) => value,
};

/** A duration of at least `least` milliseconds. */
export function durationFrom(least: number): Kind<number, string | number> {
  const parse = (value: unknown): number | undefined => {
    const ms = parseDuration(value);
    return ms !== undefined && ms >= least ? ms : undefined;
  };
  const bound = least > 0 ? ` of at least ${showDuration(least)}` : '';
  const allowed = `a duration${bound} such as 30s, 5m, 4h or 5d, or a number of milliseconds`;
  return { schema: read(parse), placeholder: 'duration', allowed, show: showDuration };
}

export const duration = durationFrom(0);

/** A size of at least `least` octets. */
export function sizeFrom(least: number): Kind<number, string | number> {
  const parse = (value: unknown): number | undefined => {
    const octets = parseSize(value);
    return octets !== undefined && octets >= least ? octets : undefined;
  };
  const bound = least > 0 ? ` of at least ${showSize(least)}` : '';
  const allowed = `a size${bound} such as 50MB or 64KiB, or a number of octets`;
  return { schema: read(parse), placeholder: 'size', allowed, show: showSize };
}

export const size = sizeFrom(0);

/** Of a message or its header: with less than our own Received field and a few fields more, none at all would be taken. */
export const mailSize = sizeFrom(1_000);

/** A whole number of at least `least`. */
export function count(least: number): Kind<number, string | number> {
  const parse = (value: unknown): number | undefined => {
    const number = typeof value === 'string' && /^\s*\d+\s*$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= least ? number : undefined;
  };
  return { schema: read(parse), placeholder: 'number', allowed: `a whole number of at least ${least}`, show: String };
}

export function choice<const C extends string>(...choices: readonly C[]): Kind<C, C> {
  const parse = (value: unknown): C | undefined =>
    choices.find((name) => typeof value === 'string' && name === value.trim());
  const allowed = choices.length === 1 ? `${choices[0]}` : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  return { schema: read(parse), placeholder: 'choice', choices, allowed, show: (value) => value };
}

/** A kind that also takes a word for "none of it", kept as null; `false` says the same in a configuration file. */
export function orWord<T, I, const W extends string>(kind: Kind<T, I>, word: W): Kind<T | null, I | W | false | null> {
  const anchor = kind.anchor;
  return {
    schema: read((value): T | null | undefined => {
      if (value === null || value === false || (typeof value === 'string' && value.trim() === word)) return null;
      const parsed = kind.schema.safeParse(value);
      return parsed.success ? parsed.data : undefined;
    }),
    placeholder: `${kind.placeholder}|${word}`,
    allowed: `${kind.allowed}, or ${word}`,
    show: (value) => (value === null ? word : kind.show(value)),
    ...(anchor && { anchor: (value: T | null, folder: string) => (value === null ? null : anchor(value, folder)) }),
  };
}

/** Several of a kind: an array in a configuration file; in text they stand apart by white space or `separator`. */
export function list<T, I>(
  kind: Kind<T, I>,
  separator: RegExp,
): Kind<readonly T[], string | I | readonly (string | I)[]> {
  const items = (value: unknown): readonly unknown[] => {
    if (Array.isArray(value)) return value.flatMap(items);
    return typeof value === 'string' ? value.split(separator).filter((item) => item !== '') : [value];
  };
  const parse = (value: unknown): readonly T[] | undefined => {
    const parsed = items(value).map((item) => kind.schema.safeParse(item));
    return parsed.every((item) => item.success) ? parsed.map((item) => item.data as T) : undefined;
  };
  return {
    schema: read(parse),
    placeholder: `${kind.placeholder}${separator.test(',') ? ',' : ' '}...`,
    allowed: `a list, each item ${kind.allowed}`,
    show: (value) => (value.length === 0 ? 'none' : value.map((item) => kind.show(item)).join(' ')),
  };
}

export const path: Kind<string, string> = {
  ...text,
  placeholder: 'path',
  allowed: 'the path of a file or folder',
  anchor: (value, folder) => resolve(folder, value),
};

/** Where the queue is kept: a URL, whose relative SQLite file is made absolute, or the plain path of a SQLite file. */
export const database: Kind<string, string> = {
  schema: read((value) => (typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined)),
  placeholder: 'url',
  allowed:
    'sqlite:PATH, the path of a SQLite file, postgres://user:password@host:5432/database or mysql://user:password@host:3306/database',
  show: maskUrl,
  anchor(value, folder) {
    if (/^[a-z][a-z0-9+.-]+:/i.test(value) && !/^sqlite:/i.test(value)) return value;
    const file = value.replace(/^sqlite:(?:\/\/(?=\/))?/i, '');
    return file === ':memory:' ? value : `sqlite:${isAbsolute(file) ? file : resolve(folder, file)}`;
  },
};

export const relayUrl: Kind<string, string> = {
  ...text,
  placeholder: 'url',
  allowed: 'a URL such as smtp://user:password@host:587 or smtps://host',
  show: maskUrl,
};

/** Of a web server. It may have a token in it. */
export const webUrl: Kind<string, string> = {
  schema: read((value) => {
    const url = typeof value === 'string' ? URL.parse(value.trim()) : null;
    return url !== null && /^https?:$/.test(url.protocol) ? url.href : undefined;
  }),
  placeholder: 'url',
  allowed: 'a URL that begins with https:// or http://',
  show: (value) => `${URL.parse(value)?.origin ?? ''}/***`,
};

function parseHostPort(value: unknown): HostPort | undefined {
  const written = typeof value === 'number' ? String(value) : value;
  if (typeof written !== 'string') return undefined;
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+)):)?(\d{1,5})$/i.exec(written.trim());
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  if (match[1] !== undefined && isIP(match[1]) !== 6) return undefined;
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
}

export function showHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A port alone means loopback: nothing listens wider because somebody left out the address. */
export const hostPort: Kind<HostPort, string | number> = {
  schema: read(parseHostPort),
  placeholder: 'host:port',
  allowed: 'an address with a port such as 127.0.0.1:2525 or [::1]:2525, or a port on 127.0.0.1',
  show: showHostPort,
};

function parseNetwork(value: unknown): string | undefined {
  const match = typeof value === 'string' ? /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value.trim()) : null;
  const family = isIP(match?.[1] ?? '');
  if (match === null || family === 0) return undefined;
  return Number(match[2] ?? 0) <= (family === 4 ? 32 : 128) ? match[0] : undefined;
}

export const network: Kind<string, string> = {
  schema: read(parseNetwork),
  placeholder: 'network',
  allowed: 'an IP address or a network such as 10.1.0.0/16',
  show: (value) => value,
};

function parseUser(value: unknown): User | undefined {
  if (typeof value === 'object' && value !== null && 'name' in value && 'password' in value) {
    return parseUser(`${value.name}:${value.password}`);
  }
  const match = typeof value === 'string' ? /^([^:]+):(.+)$/.exec(value) : null;
  return match === null ? undefined : { name: match[1] as string, password: match[2] as string };
}

export const user: Kind<User, string | User> = {
  schema: read(parseUser),
  placeholder: 'name:password',
  allowed: 'name:password or name:scrypt...',
  show: ({ name }) => `${name}:***`,
};

/** A URL with its password, and any query parameter that sounds like one, replaced. Works on malformed ones too. */
export function maskUrl(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^:@/]*):.*@/is, '$1:***@')
    .replace(/([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*/gi, '$1***');
}
