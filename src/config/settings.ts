/** Every setting, once: its name, kind, default and sentence. Flags, variables, help and documentation are derived from here. */
import { join } from 'node:path';
import * as hooks from './hooks.ts';
import type { Kind } from './kinds.ts';
import * as kinds from './kinds.ts';
import * as relay from './kinds-relay.ts';
import * as shapes from './shapes.ts';

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

export type Group =
  | 'Storage'
  | 'Listener'
  | 'Limits'
  | 'Relay'
  | 'Retry'
  | 'Safety'
  | 'Retention'
  | 'Hooks'
  | 'Program';

/** What a default may look at beside the machine. */
export interface Others {
  /** The values of the settings that stand above this one. */
  readonly before: (name: string) => unknown;
  /** Whether a setting is given anywhere, also one that this command does not read. */
  readonly given: (name: string) => boolean;
}

export interface Setting<T, I = unknown> {
  readonly group: Group;
  readonly kind: Kind<T, I>;
  /** A value, or a function that computes it. */
  readonly standard: NoInfer<T | ((facts: Facts, others: Others) => T)>;
  /** The default in words, where it is computed. */
  readonly standardText?: string;
  /** One sentence. */
  readonly sentence: string;
  /** Never shown whole, and may come from a file: `POSTHASTE_RELAY_FILE`. */
  readonly secret?: true;
  /** Stands in a configuration file only: it has parts, or is a function. */
  readonly fileOnly?: true;
}

function setting<T, I>(definition: Setting<T, I>): Setting<T, I> {
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

function defaultRelay(_: Facts, { before, given }: Others): string {
  const names = Object.keys(before('relays') ?? {});
  return given('relay') || names.includes(DEFAULT_RELAY) ? DEFAULT_RELAY : (names[0] ?? DEFAULT_RELAY);
}

/** The name of the relay that `relay` describes. */
export const DEFAULT_RELAY = 'default';

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
    standard: (_, { before }) => `sqlite:${join(String(before('dataDir')), 'posthaste.db')}`,
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
      'The next server, as `smtp://user:password@host:587` or `smtps://...`; without one, and without `relays`, mail is captured: kept here, never sent.',
  }),
  relays: setting({
    group: 'Relay',
    kind: shapes.relays,
    standard: {},
    standardText: 'none',
    secret: true,
    fileOnly: true,
    sentence:
      'Several relays by name, each with the settings of [a relay](#a-relay); `relay` is the one named `default`.',
  }),
  defaultRelay: setting({
    group: 'Relay',
    kind: relay.relayName,
    standard: defaultRelay,
    standardText: '`default`, or the first of `relays` where none is named so',
    sentence: 'The relay for mail that no route sends elsewhere.',
  }),
  routes: setting({
    group: 'Relay',
    kind: shapes.routes,
    standard: [],
    standardText: 'none',
    fileOnly: true,
    sentence:
      'Which mail goes to which relay: an array of [routes](#a-route), of which the first that fits decides, at submission.',
  }),
  relayTls: setting({
    group: 'Relay',
    kind: kinds.choice('auto', 'none', 'opportunistic', 'required', 'verified'),
    standard: 'auto',
    sentence:
      'How the way to the relay is secured; `auto` is `verified` with `smtps:` and with a login at a relay on another machine, and `opportunistic` otherwise.',
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
    sentence: 'Connections to the relay at one time, shared by all processes on the database.',
  }),
  relayRate: setting({
    group: 'Relay',
    kind: relay.rates,
    standard: [],
    standardText: 'none',
    sentence:
      'Recipients in a time that the relay may get, over all processes on the database: `14/s`, `600/min`, `200/h`, `50000/d`, or several that hold at once.',
  }),
  dkim: setting({
    group: 'Relay',
    kind: shapes.dkim,
    standard: [],
    standardText: 'none',
    secret: true,
    fileOnly: true,
    sentence: "DKIM signatures by the sender's domain: an array of [signatures](#a-signature).",
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
  maxAttempts: setting({
    group: 'Retry',
    kind: kinds.orWord(kinds.count(1), 'unlimited'),
    standard: null,
    sentence: 'Attempts after which a delivery is given up, however young it is; faults of the relay do not count.',
  }),
  delayReportAfter: setting({
    group: 'Retry',
    kind: kinds.orWord(kinds.duration, 'never'),
    standard: 4 * HOUR,
    sentence: 'Age at which the sender is told once that a delivery is delayed.',
  }),
  doubt: setting({
    group: 'Retry',
    kind: kinds.choice('resend', 'hold'),
    standard: 'resend',
    sentence:
      'What to do when a connection breaks between the end of a message and the answer to it, so that it may have arrived: send it again with the same Message-ID, or hold it.',
  }),
  lease: setting({
    group: 'Retry',
    kind: kinds.durationFrom(SECOND),
    standard: MINUTE,
    sentence:
      'Time for which a worker claims deliveries, renewed while it lives; after its death they wait no longer than this.',
  }),

  redirect: setting({
    group: 'Safety',
    kind: kinds.orWord(relay.address, 'none'),
    standard: null,
    sentence:
      'One address that gets all mail, reports to senders too, in place of its recipients, who stay visible in `posthaste show`; those in `allow` keep theirs.',
  }),
  allow: setting({
    group: 'Safety',
    kind: kinds.orWord(kinds.list(relay.addressPattern, /[\s,]+/), 'all'),
    standard: null,
    sentence:
      'The recipients that may get mail, as `ann@example.com`, `@example.com` or `@*.example.com`; mail for others, reports to senders too, is held, or goes to `redirect`.',
  }),
  holdAll: setting({
    group: 'Safety',
    kind: relay.yesNo,
    standard: false,
    sentence:
      'Holds all mail that is submitted, and reports to senders, until `posthaste release` lets single messages go.',
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

  beforeSend: setting({
    group: 'Hooks',
    kind: hooks.beforeSend,
    standard: null,
    fileOnly: true,
    sentence:
      'Is called with each message before each attempt; an exception, or an answer that takes longer than 30 s, defers that message alone.',
  }),
  onDeliveryError: setting({
    group: 'Hooks',
    kind: hooks.onDeliveryError,
    standard: null,
    fileOnly: true,
    sentence:
      'Is called with each failure of an attempt, and may answer within 30 s what it counts as: `sent`, `deferred` or `refused`.',
  }),
  onRelayChange: setting({
    group: 'Hooks',
    kind: hooks.onRelayChange,
    standard: null,
    fileOnly: true,
    sentence: 'Is called when a relay is paused for its faults, with each probe that fails, and when it is well again.',
  }),

  admin: setting({
    group: 'Program',
    kind: kinds.orWord(kinds.hostPort, 'off'),
    standard: { host: '127.0.0.1', port: 8025 },
    sentence:
      'Address and port of the HTTP server for health checks: `/livez` and `/readyz` tell all who reach it whether mail can be taken, and if not which check failed; there is nothing else.',
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
type ValueOf<S> = S extends Setting<infer T, infer _> ? T : never;
type WrittenOf<S> = S extends Setting<infer _, infer I> ? I : never;

/** The effective value of every setting. Durations in milliseconds, sizes in octets, paths absolute, null for `none`, `off`, `never` and `forever`. */
export type Config = { readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]> };

/** What a configuration file may hold. */
export type PosthasteConfig = { readonly [Name in SettingName]?: WrittenOf<(typeof settings)[Name]> | undefined };

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
