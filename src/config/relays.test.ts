import { describe, expect, test } from 'vitest';
import { standardChecks } from './checks.ts';
import { type Loaded, load, showComplaint } from './load.ts';
import { relayNamesOf, relaysOf, signaturesOf } from './relays.ts';
import { type SettingName, settingOf } from './settings.ts';
import { plainView, shownParts } from './structured.ts';

interface More {
  readonly environment?: Readonly<Record<string, string>>;
  readonly without?: readonly SettingName[];
}

function result(values: unknown, { environment = {}, without = [] }: More = {}): ReturnType<typeof load> {
  const facts = {
    cwd: '/work',
    hostname: 'box',
    home: '/home/ann',
    platform: 'linux' as const,
    root: false,
    environment,
  };
  const file = { path: '/etc/ph.ts', folder: '/etc', values };
  return load({ flags: {}, file, facts, secretFiles: new Map(), without }, standardChecks);
}

function loaded(values: unknown, more?: More): Loaded {
  const given = result(values, more);
  if ('complaints' in given) throw new Error(given.complaints.map(showComplaint).join('\n'));
  return given.loaded;
}

function complaints(values: unknown, more?: More): readonly string[] {
  const given = result(values, more);
  return 'complaints' in given ? given.complaints.map(showComplaint) : [];
}

const ses = 'smtp://user:pass@ses.example:587';

describe('relays', () => {
  test('without any there is none: that is capture mode', () => {
    const { config } = loaded({});
    expect(relaysOf(config)).toEqual([]);
    expect(config.defaultRelay).toBe('default');
    expect(relayNamesOf(config)).toEqual(['default']);
  });

  test('the short form is the relay named default, with the settings that begin with its name', () => {
    const short = { relay: ses, relayTls: 'required', relayConnections: 3, relayRate: '14/s, 200/h', doubt: 'hold' };
    const [relay, ...others] = relaysOf(loaded({ ...short, maxAttempts: 7 }).config);
    expect(others).toEqual([]);
    expect(relay).toMatchObject({
      name: 'default',
      url: ses,
      connections: 3,
      rates: [
        { limit: 14, window: 1_000 },
        { limit: 200, window: 3_600_000 },
      ],
      doubt: 'hold',
      tls: { level: 'required' },
      retry: { maxAttempts: 7, maxAge: 432_000_000 },
    });
  });

  test('several have names, what they do not say is as set for all', () => {
    const relays = {
      ses: {
        url: ses,
        rate: ['14/s', '50000/d'],
        maxSize: '10MB',
        fallback: ['backup'],
        failoverAfter: '1m',
        retry: { firstDelay: '5s', delayReportAfter: 'never' },
        tls: { ca: 'ca.pem', minVersion: 'TLSv1.3' },
      },
      backup: 'smtps://backup.example',
    };
    const values = { relay: 'smtp://short.example', relays, retryMaxDelay: '2h', relayRate: '1/s' };
    const [, first, second] = relaysOf(loaded(values).config);
    expect(first).toMatchObject({
      name: 'ses',
      rates: [{ limit: 14 }, { limit: 50_000 }],
      maxSize: 10_000_000,
      fallback: ['backup'],
      failoverAfter: 60_000,
      retry: { firstDelay: 5_000, maxDelay: 7_200_000, delayReportAfter: null },
      tls: { level: 'auto', ca: '/etc/ca.pem', minVersion: 'TLSv1.3' },
    });
    expect(second).toMatchObject({ name: 'backup', url: 'smtps://backup.example', rates: [], connections: 20 });
  });

  test('the default one is that named default, else the first', () => {
    expect(loaded({ relays: { ses, backup: ses } }).config.defaultRelay).toBe('ses');
    expect(loaded({ relays: { ses, default: ses } }).config.defaultRelay).toBe('default');
    expect(loaded({ relay: ses, relays: { backup: ses } }).config.defaultRelay).toBe('default');
    expect(relayNamesOf(loaded({ relays: { ses, backup: ses }, defaultRelay: 'backup' }).config)).toEqual([
      'backup',
      'ses',
    ]);
  });

  test('a command that may not read the relay knows that it is there', () => {
    const more: More = { environment: { POSTHASTE_RELAY_FILE: '/secret' }, without: ['relay'] };
    const { config } = loaded({ relays: { backup: { url: ses, fallback: 'default' } } }, more);
    expect(config.defaultRelay).toBe('default');
    expect(config.relay).toBeNull();
  });

  test('rules are rows of the table of outcomes', () => {
    const rules = [
      {
        code: [454, '45'],
        status: '^4\\.7\\.',
        text: 'quota',
        stage: 'dot',
        outcome: 'deferred',
        scope: 'relay',
        reason: 'Full.',
      },
      { text: /no such user/, stage: 'rcpt', outcome: 'refused' },
      { code: 550, outcome: 'sent' },
    ];
    const [relay] = relaysOf(loaded({ relays: { ses: { url: ses, rules } } }).config);
    expect(relay?.rules).toEqual([
      {
        name: 'relays.ses.rules.0',
        codes: [454, 45],
        status: /^4\.7\./i,
        text: /quota/i,
        stages: ['dot'],
        verdict: { kind: 'deferred', scope: 'relay' },
        reason: 'Full.',
      },
      {
        name: 'relays.ses.rules.1',
        text: /no such user/,
        stages: ['rcpt'],
        verdict: { kind: 'refused', scope: 'recipient' },
        reason: 'The configuration says so.',
      },
      {
        name: 'relays.ses.rules.2',
        codes: [550],
        verdict: { kind: 'sent' },
        reason: 'The configuration says so.',
      },
    ]);
  });

  test('secrets are values or files, whose paths count from the folder of the configuration', () => {
    const oauth = { provider: 'google', clientId: 'id', clientSecret: 'x', refreshTokenFile: 'token' };
    const relays = {
      a: { url: 'smtp://a', auth: { user: 'ann', passwordFile: 'pw' } },
      b: { url: 'smtp://b', auth: { user: 'ann', oauth } },
    };
    const [a, b] = relaysOf(loaded({ relays }).config);
    expect(a?.auth).toEqual({ user: 'ann', password: { file: '/etc/pw' }, oauth: null });
    expect(b?.auth?.oauth).toMatchObject({ clientSecret: { value: 'x' }, refreshToken: { file: '/etc/token' } });
  });

  test('a transport of Nodemailer and a function stay what they are', () => {
    const transport = { name: 'x', send: () => undefined };
    const beforeSend = (): void => undefined;
    const { config } = loaded({ relays: { odd: { transport } }, beforeSend });
    expect(relaysOf(config)[0]?.transport).toBe(transport);
    expect(config.beforeSend).toBe(beforeSend);
  });

  test('signatures', () => {
    expect(signaturesOf(loaded({ dkim: [{ domain: 'Example.com', selector: 's', keyFile: 'k.pem' }] }).config)).toEqual(
      [{ domain: 'example.com', selector: 's', key: { file: '/etc/k.pem' } }],
    );
  });
});

describe('what only looks like a contradiction', () => {
  test.each<[string, object]>([
    ['mail is given up before the default report of its delay', { maxAge: '1h' }],
    ['a password goes in the clear to this machine', { relay: 'smtp://a:b@127.0.0.1:2526', relayTls: 'none' }],
    ['and to this one by name', { relays: { own: { url: 'smtp://a:b@[::1]:2526', tls: { level: 'none' } } } }],
    ['somebody asked for that', { relay: 'smtp://a:b@lan.example?clear-password=true', relayTls: 'none' }],
    ['nobody logs in', { relay: 'smtp://lan.example', relayTls: 'none' }],
    ['the URL knows better', { relay: 'smtp://a:b@relay.example?tls=required', relayTls: 'none' }],
    ['relay and relays stand together', { relay: ses, relays: { backup: ses }, relayRate: '14/s' }],
    ['two servers have one port on two addresses', { listen: '[::1]:8025' }],
  ])('%s', (_, values) => expect(loaded(values).config).toBeDefined());
});

describe('complaints name the exact part', () => {
  const at = (key: string, rest: string): string => `${key} (${key.split('.')[0]} in /etc/ph.ts) ${rest}`;
  const relay = (more: object): object => ({ relays: { ses: { url: ses, ...more } } });
  test.each<[string, unknown, string]>([
    [
      'a bad rate',
      relay({ rate: '14/x' }),
      at(
        'relays.ses.rate',
        'is "14/x": allowed is a list, each item a number of recipients in a time such as 14/s, 600/min, 200/h or 50000/d',
      ),
    ],
    [
      'a bad number',
      relay({ connections: 0 }),
      at('relays.ses.connections', 'is "0": allowed is a whole number of at least 1'),
    ],
    [
      'an unknown key',
      relay({ conections: 3 }),
      at('relays.ses.conections', 'is no setting of a relay; did you mean connections?'),
    ],
    [
      'an unknown key below',
      relay({ retry: { maxAges: '1d' } }),
      at('relays.ses.retry.maxAges', 'is no setting of the retry policy of a relay; did you mean maxAge?'),
    ],
    [
      'a bad pattern',
      relay({ rules: [{ text: '(', outcome: 'sent' }] }),
      at('relays.ses.rules.0.text', 'is "(": allowed is a regular expression'),
    ],
    [
      'a rule without an outcome',
      relay({ rules: [{ code: 550 }] }),
      at('relays.ses.rules.0.outcome', 'is missing: allowed is sent, deferred or refused'),
    ],
    [
      'a rule that fits all',
      relay({ rules: [{ outcome: 'sent' }] }),
      at('relays.ses.rules.0', 'fits every reply: give it a code, status, text or stage'),
    ],
    [
      'a refusal by the relay',
      relay({ rules: [{ code: 5, outcome: 'refused', scope: 'relay' }] }),
      at(
        'relays.ses.rules.0.scope',
        'can be relay only where the outcome is deferred: a fault of the relay ends no delivery',
      ),
    ],
    [
      'a code that is none',
      relay({ rules: [{ code: [550, 6], outcome: 'sent' }] }),
      at(
        'relays.ses.rules.0.code',
        'is "[550,6]": allowed is a list, each item a reply code such as 550, or its first digits',
      ),
    ],
    [
      'a secret that is none, unseen',
      relay({ auth: { user: 'a', password: 7 } }),
      at('relays.ses.auth.password', 'is "***": allowed is a text that is not empty'),
    ],
    [
      'a url without a scheme',
      { relays: { ses: 'user:pass@host' } },
      at('relays.ses.url', 'begins with user:, and only smtp:, smtps:, file:, command:, capture:, null: are known'),
    ],
    [
      'an unknown scheme',
      { relays: { ses: 'http://h' } },
      at('relays.ses.url', 'begins with http:, and only smtp:, smtps:, file:, command:, capture:, null: are known'),
    ],
    [
      'a fingerprint that is none',
      relay({ tls: { fingerprint: 'zz' } }),
      at(
        'relays.ses.tls.fingerprint',
        'is "zz": allowed is a list, each item SHA-256 in hexadecimal, 64 digits with or without colons, as "openssl x509 -noout -fingerprint -sha256 -in FILE" shows it',
      ),
    ],
    [
      'a fingerprint that nobody would look at',
      relay({ tls: { level: 'opportunistic', fingerprint: 'ab'.repeat(32) } }),
      at(
        'relays.ses.tls.fingerprint',
        'would not be looked at under the TLS level opportunistic: allowed are auto, required and verified, or no fingerprint',
      ),
    ],
    [
      'a format of a folder that is none',
      { relays: { ses: 'file:/mail?format=mbox' } },
      at('relays.ses.url', 'has the format "mbox": allowed are maildir and eml'),
    ],
    ['no way at all', { relays: { ses: {} } }, at('relays.ses', 'needs a url, or a transport')],
    [
      'a bad name',
      { relays: { '1st': ses } },
      at('relays.1st', 'is no name for a relay: allowed are letters, digits, - and _, the first a letter'),
    ],
    ['a list of relays', { relays: [ses] }, at('relays', 'allowed is an object with relays by name')],
    [
      'an unknown fallback',
      relay({ fallback: 'sess' }),
      at('relays.ses.fallback', 'names no relay: there is none called "sess"; did you mean ses?'),
    ],
    ['itself as fallback', relay({ fallback: 'ses' }), at('relays.ses.fallback', 'makes a circle: ses -> ses')],
    [
      'two logins',
      relay({ auth: { user: 'a', password: 'b' } }),
      at('relays.ses.auth', 'and the url both have a login: give one of them'),
    ],
    [
      'a login for nobody',
      relay({ logins: { news: { user: 'a', password: 'b' } } }),
      at(
        'relays.ses.logins.news',
        'is no name for a login: allowed are an address, or @example.com for all of a domain',
      ),
    ],
    [
      'a login by sender with nothing to say',
      relay({ logins: { '@news.example': { user: 'a' } } }),
      at('relays.ses.logins.@news.example', 'needs one of password, passwordFile and oauth'),
    ],
    [
      'OAuth without a grant',
      { relays: { ses: { url: 'smtp://h', auth: { user: 'a', oauth: { provider: 'google', clientId: 'i' } } } } },
      at('relays.ses.auth.oauth', 'needs a refreshToken, a clientSecret, or a serviceAccount'),
    ],
    [
      'half a certificate',
      relay({ tls: { cert: 'c.pem' } }),
      at('relays.ses.tls.key', 'is missing: cert and key must be set together'),
    ],
    [
      'a command without a program',
      { relays: { pipe: 'command:' } },
      at('relays.pipe.command', 'is missing: give the program and its arguments'),
    ],
    [
      'a relay twice',
      { relay: ses, relays: { default: ses } },
      at('relays.default', 'is also what the setting relay describes: give one of them'),
    ],
    [
      'an unknown default',
      { relays: { ses }, defaultRelay: 'other' },
      at('defaultRelay', 'is "other": names no relay: there is none called "other"; known are ses'),
    ],
    [
      'a route to nowhere',
      { relays: { ses }, routes: [{ tag: 'otp', relay: 'fast' }] },
      at('routes.0.relay', 'names no relay: there is none called "fast"; known are ses'),
    ],
    [
      'a route for all',
      { relays: { ses }, routes: [{ relay: 'ses' }] },
      at('routes.0', 'fits all mail: give it a sender, recipient, tag or header, or set defaultRelay'),
    ],
    [
      'a value without a header',
      { relays: { ses }, routes: [{ tag: 'x', value: 'y', relay: 'ses' }] },
      at('routes.0.value', 'counts only with a header'),
    ],
    [
      'a route with a strange key',
      { relays: { ses }, routes: [{ recipients: '@a.example', relay: 'ses' }] },
      at('routes.0.recipients', 'is no setting of a route; did you mean recipient?'),
    ],
    [
      'a signature without a key',
      { dkim: [{ domain: 'example.com', selector: 's' }] },
      at('dkim.0', 'needs a key or a keyFile, and not both'),
    ],
    [
      'a first wait longer than the longest',
      { retryFirstDelay: '2h' },
      'retryFirstDelay (retryFirstDelay in /etc/ph.ts) is "2h": is longer than retryMaxDelay, which is "1h": allowed is 1h at most, or a longer retryMaxDelay',
    ],
    [
      'a longest wait shorter than the first, of a relay',
      relay({ retry: { maxDelay: '30s' } }),
      at(
        'relays.ses.retry.maxDelay',
        'makes firstDelay 1m and maxDelay 30s: allowed is a firstDelay up to the maxDelay',
      ),
    ],
    [
      'a first wait longer than the longest, of a relay',
      relay({ retry: { firstDelay: '2h' } }),
      at(
        'relays.ses.retry.firstDelay',
        'makes firstDelay 2h and maxDelay 1h: allowed is a firstDelay up to the maxDelay',
      ),
    ],
    [
      'a report of delay after the end',
      { maxAge: '1h', delayReportAfter: '2h' },
      'delayReportAfter (delayReportAfter in /etc/ph.ts) is "2h": would never come before maxAge, which is "1h": allowed is less than 1h, or never',
    ],
    [
      'one port for two servers',
      { listen: '0.0.0.0:8025', clients: '10.0.0.0/8' },
      'admin is "127.0.0.1:8025": clashes with listen, which is "0.0.0.0:8025": allowed are addresses or ports of their own',
    ],
    [
      'a rate for no relay',
      { relays: { ses }, relayRate: '14/s' },
      'relayRate (relayRate in /etc/ph.ts) is "14/s": counts only for the relay of the setting relay, which is "none"; for ses it is relays.NAME.rate',
    ],
    [
      'a password in the clear',
      { relay: 'smtp://ann:secret@relay.example', relayTls: 'none' },
      'relayTls (relayTls in /etc/ph.ts) is "none": does not fit relay, which is "smtp://ann:***@relay.example" and has a login, which would travel in the clear: allowed are auto, opportunistic, required and verified, or ?clear-password=true in the URL',
    ],
    [
      'a password in the clear by the URL alone',
      { relay: 'smtp://ann:secret@relay.example?tls=none' },
      'relay (relay in /etc/ph.ts) is "smtp://ann:***@relay.example?tls=none": has tls=none and has a login, which would travel in the clear: allowed are auto, opportunistic, required and verified, or ?clear-password=true in the URL',
    ],
    [
      'a password in the clear to a relay by name',
      { relays: { ses: { url: 'smtp://h', auth: { user: 'a', password: 'b' }, tls: { level: 'none' } } } },
      at(
        'relays.ses.tls.level',
        'is none, and the relay "smtp://h" has a login, which would travel in the clear: allowed are auto, opportunistic, required and verified, or ?clear-password=true in the URL',
      ),
    ],
    [
      'no encryption in an encrypted connection',
      { relay: 'smtps://relay.example', relayTls: 'none' },
      'relayTls (relayTls in /etc/ph.ts) is "none": does not fit relay, which is "smtps://relay.example" and is TLS from the start: allowed are auto, opportunistic, required and verified, or smtp:',
    ],
    ['a hook that is none', { beforeSend: 'x' }, 'beforeSend (beforeSend in /etc/ph.ts) is "x": allowed is a function'],
  ])('%s', (_, values, sentence) => expect(complaints(values)).toEqual([sentence]));

  test('all of them come at once', () => {
    expect(complaints({ relays: { a: { url: 1, rate: 'x' }, b: { retry: { maxAge: 'y' } } } })).toHaveLength(3);
  });

  test('a circle of fallbacks is told for each relay in it', () => {
    const relays = {
      a: { url: ses, fallback: 'b' },
      b: { url: ses, fallback: 'c' },
      c: { url: ses, fallback: 'a' },
      d: { url: ses, fallback: 'a' },
    };
    expect(complaints({ relays })).toEqual([
      at('relays.a.fallback', 'makes a circle: a -> b -> c -> a'),
      at('relays.b.fallback', 'makes a circle: b -> c -> a -> b'),
      at('relays.c.fallback', 'makes a circle: c -> a -> b -> c'),
    ]);
  });

  test('variables cannot hold what has parts', () => {
    expect(complaints({}, { environment: { POSTHASTE_RELAYS: '{}' } })).toEqual([
      'POSTHASTE_RELAYS is no variable of posthaste: this setting stands in a configuration file only',
    ]);
  });
});

describe('posthaste as its own relay', () => {
  test.each([
    ['smtp://127.0.0.1:2525', ['127.0.0.1:2525']],
    ['smtp://localhost:2525', ['127.0.0.1:2525']],
    ['smtp://[::1]:2525', ['0.0.0.0:2525']],
    ['smtp://box:25', ['0.0.0.0:25']],
    ['smtp://box', ['0.0.0.0:25']],
    ['smtps://127.0.0.9', ['[::]:465']],
  ])('%s is refused where it listens on %s', (relay, listen) => {
    // Wide addresses are refused for other reasons by a part of their own.
    expect(complaints({ relay, listen })).toEqual([
      expect.stringMatching(/^relay .* is where posthaste itself listens/),
    ]);
    expect(complaints({ relays: { x: relay }, listen })).toEqual([
      expect.stringMatching(/^relays\.x\.url .* itself listens/),
    ]);
  });

  test.each([
    ['smtp://127.0.0.1:1025', ['127.0.0.1:2525']],
    ['smtp://127.0.0.2:2525', ['127.0.0.1:2525']],
    ['smtp://relay.example.com:25', ['0.0.0.0:25']],
    ['smtp://user:pass@localhost', ['127.0.0.1:25']],
  ])('%s is another one where it listens on %s', (relay, listen) => expect(complaints({ relay, listen })).toEqual([]));
});

describe('what is shown', () => {
  const secret = 'hunter2';
  const values = {
    relays: {
      a: {
        url: `smtp://u:${secret}@h`,
        rate: '14/s',
        proxy: `socks5://u:${secret}@p:1080`,
        rules: [{ text: 'x', outcome: 'sent' }],
      },
      b: { url: 'smtp://h', auth: { user: 'u', password: secret } },
      c: {
        url: 'smtp://h',
        auth: {
          user: 'u',
          oauth: { tokenUrl: 'https://t', clientId: 'i', clientSecret: secret, refreshToken: secret },
        },
      },
      d: { transport: { name: 'odd', auth: { pass: secret }, send: () => undefined } },
    },
    dkim: [{ domain: 'example.com', selector: 's', key: secret }],
  };

  test.each(['relays', 'dkim'] as const)('no secret of %s', (name) => {
    const { config } = loaded(values);
    const { kind } = settingOf(name);
    const shown = [
      kind.show(config[name]),
      JSON.stringify(shownParts(kind, config[name])),
      JSON.stringify(plainView(kind, config[name])),
    ];
    for (const text of shown) expect(text).not.toContain(secret);
  });

  test('each part has its path', () => {
    expect(shownParts(settingOf('relays').kind, loaded(values).config.relays).slice(0, 4)).toEqual([
      [['a', 'url'], 'smtp://u:***@h'],
      [['a', 'proxy'], 'socks5://u:***@p:1080'],
      [['a', 'rate'], '14/s'],
      [['a', 'rules', '0', 'text'], '/x/i'],
    ]);
  });
});
