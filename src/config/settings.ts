/** Every setting, once: its name, kind, default and sentence. Flags, variables, help and documentation are derived from here. */
import { join } from 'node:path';
import type { Kind } from './kinds.ts';
import * as kinds from './kinds.ts';

/** What defaults may depend on: the process and the machine. */
export interface Facts {
  readonly cwd: string;
  readonly hostname: string;
  readonly home: string;
  readonly platform: NodeJS.Platform;
  /** The process runs as root. */
  readonly root: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export type Group = 'Storage' | 'Listener' | 'Limits' | 'Relay' | 'Retry' | 'Retention' | 'Program';

export interface Setting<T> {
  readonly group: Group;
  readonly kind: Kind<T>;
  /** `before` reads the values of the settings that stand above this one. */
  readonly standard: NoInfer<T | ((facts: Facts, before: (name: string) => unknown) => T)>;
  /** The default in words, where it is computed. */
  readonly standardText?: string;
  /** One sentence. */
  readonly sentence: string;
  /** Never shown whole, and may come from a file: `POSTHASTE_RELAY_FILE`. */
  readonly secret?: true;
}

function setting<T>(definition: Setting<T>): Setting<T> {
  return definition;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * One queue for each user of the machine, wherever a command is typed: with a folder below the working directory, `posthaste list`
 * in another one would find an empty queue and say so, while mail waits. systemd names its folder itself (StateDirectory=).
 */
function defaultDataDir(facts: Facts): string {
  const { STATE_DIRECTORY, XDG_STATE_HOME, LOCALAPPDATA } = facts.environment;
  if (STATE_DIRECTORY) return STATE_DIRECTORY.split(':')[0] as string;
  if (XDG_STATE_HOME) return join(XDG_STATE_HOME, 'posthaste');
  if (facts.platform === 'win32') return join(LOCALAPPDATA ?? facts.home, 'posthaste');
  return facts.root ? '/var/lib/posthaste' : join(facts.home, '.local', 'state', 'posthaste');
}

export const settings = {
  dataDir: setting({
    group: 'Storage',
    kind: kinds.path,
    standard: defaultDataDir,
    standardText:
      '`$STATE_DIRECTORY` (systemd), else `$XDG_STATE_HOME/posthaste`, else `/var/lib/posthaste` for root and `~/.local/state/posthaste` for others',
    sentence: 'The folder where posthaste keeps what is its own; it is made when it is missing.',
  }),
  database: setting({
    group: 'Storage',
    kind: kinds.database,
    standard: (_facts, before) => `sqlite:${join(String(before('dataDir')), 'posthaste.db')}`,
    standardText: '`posthaste.db` in the data directory',
    secret: true,
    sentence: 'Where the queue is kept: a SQLite file, as `sqlite:PATH` or a plain path.',
  }),
  minFreeSpace: setting({
    group: 'Storage',
    kind: kinds.size,
    standard: 100_000_000,
    sentence:
      'With less free space than this on the disk of the database, new mail is refused for the time being (452 4.3.1).',
  }),

  listen: setting({
    group: 'Listener',
    kind: kinds.list(kinds.hostPort, /[\s,]+/),
    standard: [{ host: '127.0.0.1', port: 2525 }],
    sentence:
      'Addresses and ports that take mail over SMTP; wider than loopback only with a list of clients, or with users and a certificate.',
  }),
  hostname: setting({
    group: 'Listener',
    kind: kinds.hostName,
    standard: (facts) => facts.hostname.replace(/[^a-z0-9.-]+/gi, '-').replace(/^[.-]+|[.-]+$/g, '') || 'localhost',
    standardText: 'the name of the machine',
    sentence: 'The name by which posthaste calls itself in greetings, Received fields, Message-IDs and reports.',
  }),
  users: setting({
    group: 'Listener',
    kind: kinds.list(kinds.user, /\s+/),
    standard: [],
    standardText: 'none',
    secret: true,
    sentence:
      'Who may log in to send mail, as `name:password` or `name:scrypt...`; clients that are neither on this machine nor in `clients` must.',
  }),
  clients: setting({
    group: 'Listener',
    kind: kinds.list(kinds.network, /[\s,]+/),
    standard: [],
    standardText: 'none',
    sentence: 'Addresses and networks of clients on other machines that may send mail without a login.',
  }),
  tlsCert: setting({
    group: 'Listener',
    kind: kinds.orWord(kinds.path, 'none'),
    standard: null,
    sentence: 'PEM file with the certificate chain of the listener; with it, STARTTLS is offered.',
  }),
  tlsKey: setting({
    group: 'Listener',
    kind: kinds.orWord(kinds.path, 'none'),
    standard: null,
    sentence: 'PEM file with the private key of the certificate.',
  }),
  bareLf: setting({
    group: 'Listener',
    kind: kinds.choice('refuse', 'normalise'),
    standard: 'refuse',
    sentence:
      'What to do with mail whose lines end with LF alone: refuse it, or make it CRLF for old programs; a bare CR is always refused.',
  }),

  maxMessageSize: setting({
    group: 'Limits',
    kind: kinds.size,
    standard: 50_000_000,
    sentence: 'Octets of one message, announced with SIZE.',
  }),
  maxHeaderSize: setting({
    group: 'Limits',
    kind: kinds.size,
    standard: 4_096_000,
    sentence: 'Octets of the header of one message.',
  }),
  maxRecipients: setting({
    group: 'Limits',
    kind: kinds.count(1),
    standard: 1_000,
    sentence: 'Recipients of one message; a client is asked to send the rest in another (452 4.5.3).',
  }),
  maxClients: setting({
    group: 'Limits',
    kind: kinds.count(1),
    standard: 1_000,
    sentence: 'Connections to the listener at one time.',
  }),
  maxErrors: setting({
    group: 'Limits',
    kind: kinds.count(1),
    standard: 20,
    sentence: 'Refused commands in one session after which it is closed.',
  }),
  idleTimeout: setting({
    group: 'Limits',
    kind: kinds.durationFrom(1),
    standard: 5 * MINUTE,
    sentence: 'Silence of a client after which its session is closed (RFC 5321 asks for at least 5 minutes).',
  }),
  maxHops: setting({
    group: 'Limits',
    kind: kinds.count(1),
    standard: 50,
    sentence: 'Received fields from which on a message is taken to be in a loop and refused (554 5.4.6).',
  }),

  relay: setting({
    group: 'Relay',
    kind: kinds.orWord(kinds.relayUrl, 'none'),
    standard: null,
    secret: true,
    sentence:
      'The next server, as `smtp://user:password@host:587` or `smtps://...`; without one, mail is captured: kept here, never sent.',
  }),
  relayTls: setting({
    group: 'Relay',
    kind: kinds.choice('auto', 'none', 'opportunistic', 'required', 'verified'),
    standard: 'auto',
    sentence:
      'How the way to the relay is secured; `auto` is `verified` where there is a login or `smtps:`, and `opportunistic` otherwise.',
  }),
  relayCa: setting({
    group: 'Relay',
    kind: kinds.orWord(kinds.path, 'none'),
    standard: null,
    sentence: "PEM file with the authorities that may vouch for the relay, in place of Node's own list.",
  }),
  relayConnections: setting({
    group: 'Relay',
    kind: kinds.count(1),
    standard: 20,
    sentence: 'Connections to the relay at one time, for each process.',
  }),

  retryFirstDelay: setting({
    group: 'Retry',
    kind: kinds.durationFrom(1),
    standard: MINUTE,
    sentence: 'Wait after the first attempt that failed; each further wait is twice the one before, give or take 20 %.',
  }),
  retryMaxDelay: setting({
    group: 'Retry',
    kind: kinds.durationFrom(1),
    standard: HOUR,
    sentence: 'The longest wait between two attempts.',
  }),
  maxAge: setting({
    group: 'Retry',
    kind: kinds.durationFrom(1),
    standard: 5 * DAY,
    sentence: 'Age at which a delivery is given up and its sender told.',
  }),
  delayReportAfter: setting({
    group: 'Retry',
    kind: kinds.orWord(kinds.duration, 'never'),
    standard: 4 * HOUR,
    sentence: 'Age at which the sender is told once that a delivery is delayed.',
  }),
  lease: setting({
    group: 'Retry',
    kind: kinds.durationFrom(SECOND),
    standard: MINUTE,
    sentence:
      'Time for which a worker claims deliveries, renewed while it lives; after its death they wait no longer than this.',
  }),

  retainSent: setting({
    group: 'Retention',
    kind: kinds.orWord(kinds.duration, 'forever'),
    standard: 7 * DAY,
    sentence: 'How long a message is kept after it was sent.',
  }),
  retainBounced: setting({
    group: 'Retention',
    kind: kinds.orWord(kinds.duration, 'forever'),
    standard: 30 * DAY,
    sentence: 'How long a message is kept after it was given up; longer, because somebody may want to send it yet.',
  }),
  retainCaptured: setting({
    group: 'Retention',
    kind: kinds.orWord(kinds.duration, 'forever'),
    standard: 7 * DAY,
    sentence: 'How long a message is kept after it was captured.',
  }),
  retainCancelled: setting({
    group: 'Retention',
    kind: kinds.orWord(kinds.duration, 'forever'),
    standard: 7 * DAY,
    sentence: 'How long a message is kept after it was cancelled.',
  }),

  admin: setting({
    group: 'Program',
    kind: kinds.orWord(kinds.hostPort, 'off'),
    standard: { host: '127.0.0.1', port: 8025 },
    sentence: 'Address and port of the HTTP server for health checks and administration.',
  }),
  logLevel: setting({
    group: 'Program',
    kind: kinds.choice('debug', 'info', 'warn', 'error', 'silent'),
    standard: 'info',
    sentence: 'The least that is logged.',
  }),
  logFormat: setting({
    group: 'Program',
    kind: kinds.choice('auto', 'json', 'pretty'),
    standard: 'auto',
    sentence: 'JSON for programs, pretty for people; `auto` is pretty on a terminal and JSON otherwise.',
  }),
} as const;

export type SettingName = keyof typeof settings;
type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** The effective value of every setting. Durations in milliseconds, sizes in octets, paths absolute, null for `none`, `off`, `never` and `forever`. */
export type Config = { readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]> };

export const settingNames = Object.keys(settings) as readonly SettingName[];

/** A setting without regard to the type of its value. */
export function settingOf(name: SettingName): Setting<unknown> {
  return settings[name] as Setting<unknown>;
}

/** `maxMessageSize` -> `--max-message-size`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `maxMessageSize` -> `POSTHASTE_MAX_MESSAGE_SIZE`. */
export function variableOf(name: string): string {
  return `POSTHASTE_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** A value as it may be shown to anybody. */
export function showValue(name: SettingName, value: unknown): string {
  return settingOf(name).kind.show(value);
}
