import { describe, expect, test } from 'vitest';
import { loaded, type More, ses } from '../../test/support/settings.ts';
import { relayNamesOf, relaysOf, signaturesOf } from './relays.ts';
import { settingOf } from './settings.ts';
import { plainView, shownParts } from './structured.ts';

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
