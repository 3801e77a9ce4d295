import { describe, expect, test } from 'vitest';
import { standardChecks } from './checks.ts';
import { type Loaded, load, type SecretFile, type Sources, showComplaint } from './load.ts';
import type { Facts } from './setting.ts';

interface Given {
  readonly flags?: Record<string, unknown>;
  readonly environment?: Record<string, string>;
  readonly file?: unknown;
  readonly secrets?: Record<string, SecretFile>;
  readonly facts?: Partial<Facts>;
  readonly without?: Sources['without'];
}

function sources({ flags = {}, environment = {}, file, secrets = {}, facts = {}, without = [] }: Given): Sources {
  return {
    flags,
    file: file === undefined ? null : { path: '/etc/ph.json', folder: '/etc', values: file },
    facts: { cwd: '/srv', hostname: 'box', home: '/home/ann', platform: 'linux', root: false, environment, ...facts },
    secretFiles: new Map(Object.entries(secrets)),
    without,
  };
}

function loaded(given: Given): Loaded {
  const result = load(sources(given), standardChecks);
  if ('complaints' in result) throw new Error(result.complaints.map(showComplaint).join('\n'));
  return result.loaded;
}

function complaints(given: Given): readonly string[] {
  const result = load(sources(given), standardChecks);
  return 'complaints' in result ? result.complaints.map(showComplaint) : [];
}

describe('precedence', () => {
  const environment = { POSTHASTE_MAX_RECIPIENTS: '20' };
  const file = { maxRecipients: 30 };

  test('flags beat environment, environment beats file, file beats default', () => {
    const all = [{ flags: { maxRecipients: '10' }, environment, file }, { environment, file }, { file }, {}];
    expect(all.map((given) => loaded(given).config.maxRecipients)).toEqual([10, 20, 30, 1000]);
    expect(all.map((given) => loaded(given).origins.maxRecipients)).toEqual([
      '--max-recipients',
      'POSTHASTE_MAX_RECIPIENTS',
      'maxRecipients in /etc/ph.json',
      'default',
    ]);
  });

  test('an empty variable counts as not set', () => {
    expect(loaded({ environment: { POSTHASTE_MAX_RECIPIENTS: '' }, file }).config.maxRecipients).toBe(30);
    expect(loaded({ environment: { POSTHASTE_RELAY: '', POSTHASTE_RELAY_FILE: '' } }).config.relay).toBeNull();
  });

  test('a bad value that another one beats is nobody’s business', () => {
    expect(complaints({ flags: { maxRecipients: '10' }, environment: { POSTHASTE_MAX_RECIPIENTS: 'many' } })).toEqual(
      [],
    );
  });

  test('settings that a command has no use for keep their defaults', () => {
    expect(loaded({ environment: { POSTHASTE_RELAY_FILE: '/secret' }, without: ['relay'] }).config.relay).toBeNull();
  });

  test('relative paths count from where they were given', () => {
    expect(loaded({ flags: { relayCa: 'ca.pem' } }).config.relayCa).toBe('/srv/ca.pem');
    expect(loaded({ file: { relayCa: 'ca.pem' } }).config.relayCa).toBe('/etc/ca.pem');
  });
});

describe('data directory', () => {
  test.each<[string, Given, string]>([
    ['a user’s state folder', {}, '/home/ann/.local/state/posthaste'],
    ['that of XDG', { environment: { XDG_STATE_HOME: '/xdg' } }, '/xdg/posthaste'],
    ['that of the system for root', { facts: { root: true } }, '/var/lib/posthaste'],
    [
      'that of systemd',
      { environment: { STATE_DIRECTORY: '/var/lib/mailq:/other', XDG_STATE_HOME: '/xdg' } },
      '/var/lib/mailq',
    ],
  ])('is %s', (_, given, folder) => {
    const { config } = loaded(given);
    expect([config.dataDir, config.database]).toEqual([folder, `sqlite:${folder}/posthaste.db`]);
  });

  test('the database follows it', () => {
    expect(loaded({ flags: { dataDir: 'd' } }).config.database).toBe('sqlite:/srv/d/posthaste.db');
    expect(loaded({ flags: { dataDir: 'd', database: 'q.db' } }).config.database).toBe('sqlite:/srv/q.db');
  });
});

describe('secrets from files', () => {
  const environment = { POSTHASTE_RELAY_FILE: '/run/relay' };

  test('line breaks at the end do not count', () => {
    const { config, origins } = loaded({ environment, secrets: { '/run/relay': { text: 'smtp://u:p@h\r\n\n' } } });
    expect(config.relay).toBe('smtp://u:p@h');
    expect(origins.relay).toBe('POSTHASTE_RELAY_FILE=/run/relay');
  });

  test('both forms at once are an error', () => {
    expect(
      complaints({
        environment: { ...environment, POSTHASTE_RELAY: 'smtp://h' },
        secrets: { '/run/relay': { text: 'smtp://h' } },
      }),
    ).toEqual(['POSTHASTE_RELAY and POSTHASTE_RELAY_FILE are both set; set only one of them']);
  });

  test('a file that cannot be read is an error that names it', () => {
    expect(complaints({ environment, secrets: { '/run/relay': { fault: 'no such file' } } })).toEqual([
      'POSTHASTE_RELAY_FILE is "/run/relay": the file cannot be read: no such file',
    ]);
  });

  test('only secrets have such a variable', () => {
    expect(complaints({ environment: { POSTHASTE_LISTEN_FILE: 'x' } })).toHaveLength(1);
  });
});

describe('complaints', () => {
  test.each<[string, Given, string]>([
    [
      'a bad flag',
      { flags: { maxMessageSize: '50 gigs' } },
      'maxMessageSize (--max-message-size) is "50 gigs": allowed is a size of at least 1KB such as 50MB or 64KiB, or a number of octets',
    ],
    [
      'a maxMessageSize that lets nothing through',
      { flags: { maxMessageSize: '0' } },
      'maxMessageSize (--max-message-size) is "0": allowed is a size of at least 1KB such as 50MB or 64KiB, or a number of octets',
    ],
    [
      'a maxHeaderSize that lets nothing through',
      { flags: { maxHeaderSize: '0' } },
      'maxHeaderSize (--max-header-size) is "0": allowed is a size of at least 1KB such as 50MB or 64KiB, or a number of octets',
    ],
    [
      'a bad variable',
      { environment: { POSTHASTE_LOG_LEVEL: 'loud' } },
      'logLevel (POSTHASTE_LOG_LEVEL) is "loud": allowed is debug, info, warn, error or silent',
    ],
    [
      'a bad value in a file',
      { file: { maxHops: -1 } },
      'maxHops (maxHops in /etc/ph.json) is "-1": allowed is a whole number of at least 1',
    ],
    [
      'a bad secret, masked',
      { flags: { users: 'hunter2' } },
      'users (--users) is "***": allowed is a list, each item name:password or name:scrypt...',
    ],
    [
      'a variable that is like none',
      { environment: { POSTHASTE_FOO: 'x' } },
      'POSTHASTE_FOO is no variable of posthaste; posthaste config lists them all',
    ],
    ['an unknown key', { file: { relayy: 'x' } }, 'relayy (/etc/ph.json) is no setting; did you mean relay?'],
    [
      'an unknown key like no other',
      { file: { frobnicate: 1 } },
      'frobnicate (/etc/ph.json) is no setting; posthaste config lists them all',
    ],
    [
      'an unknown variable',
      { environment: { POSTHASTE_RELY: 'x' } },
      'POSTHASTE_RELY is no variable of posthaste; did you mean POSTHASTE_RELAY?',
    ],
    [
      'a file without an object',
      { file: ['x'] },
      '/etc/ph.json must give one object with settings (as its default export, where it is a module)',
    ],
    [
      'half a certificate',
      { flags: { tlsCert: 'c.pem' } },
      'tlsKey is "none": tlsCert and tlsKey must be set together',
    ],
  ])('%s', (_, given, sentence) => expect(complaints(given)).toEqual([sentence]));

  test('all of them come at once', () => {
    expect(complaints({ flags: { maxHops: 'x', maxErrors: 'y' }, environment: { POSTHASTE_X: '1' } })).toHaveLength(3);
  });

  test('variables that Kubernetes makes for a service of this name are ignored', () => {
    const names = [
      'SERVICE_HOST',
      'SERVICE_PORT',
      'SERVICE_PORT_SMTP',
      'PORT',
      'PORT_25_TCP',
      'PORT_25_TCP_ADDR',
      'PORT_25_TCP_PROTO',
    ];
    expect(complaints({ environment: Object.fromEntries(names.map((name) => [`POSTHASTE_${name}`, 'x'])) })).toEqual(
      [],
    );
  });
});
