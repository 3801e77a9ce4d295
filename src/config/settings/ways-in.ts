/** Settings of the place where the queue is kept and of the ways in. */
import { join } from 'node:path';
import * as kinds from '../kinds.ts';
import * as relay from '../kinds-relay.ts';
import { type Facts, MINUTE, setting } from '../setting.ts';

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

/** The file that nobody but posthaste uses. */
export function ownDatabase(dataDir: string): string {
  return `sqlite:${join(dataDir, 'posthaste.db')}`;
}

export const waysIn = {
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
    standard: (_, { before }) => ownDatabase(String(before('dataDir'))),
    standardText: '`posthaste.db` in the data directory',
    secret: true,
    sentence:
      'Where the queue is kept: a SQLite file, as `sqlite:PATH` or a plain path, or a server that several machines share, as `postgres://user:password@host:5432/database` or `mysql://user:password@host:3306/database`.',
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
    kind: kinds.mailSize,
    standard: 50_000_000,
    sentence: 'Octets of one message, announced with SIZE.',
  }),
  maxHeaderSize: setting({
    group: 'Limits',
    kind: kinds.mailSize,
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

  localDomain: setting({
    group: 'Sendmail',
    kind: kinds.hostName,
    standard: (_, { before }) => String(before('hostname')),
    standardText: 'the `hostname`',
    sentence:
      'The domain that `posthaste sendmail` puts behind names without one, of senders and of recipients: `root` becomes `root@` with it.',
  }),
  localRecipient: setting({
    group: 'Sendmail',
    kind: kinds.orWord(relay.address, 'none'),
    standard: null,
    sentence:
      "The address that gets the mail of `posthaste sendmail` for names without a domain, such as cron's `root`, in place of one at `localDomain`.",
  }),
} as const;
