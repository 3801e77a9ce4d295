import { hostname as machineName, networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { at, complaints, relay, ses } from '../../test/support/settings.ts';

describe('complaints name the exact part', () => {
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

/** One of this machine's addresses, loopback where there is no other. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

describe('posthaste as its own relay', () => {
  test.each([
    ['smtp://127.0.0.1:2525', ['127.0.0.1:2525']],
    ['smtp://localhost:2525', ['127.0.0.1:2525']],
    ['smtp://[::1]:2525', ['0.0.0.0:2525']],
    ['smtp://box:25', ['0.0.0.0:25']],
    ['smtp://box', ['0.0.0.0:25']],
    ['smtps://127.0.0.9', ['[::]:465']],
    ['smtp://0.0.0.0:2525', ['127.0.0.1:2525']],
    ['smtp://LOCALHOST.:2525', ['[::1]:2525']],
    [`smtp://${machineName()}:25`, ['0.0.0.0:25']],
    [`smtp://${ownAddress()}:25`, ['0.0.0.0:25']],
  ])('%s is refused where it listens on %s', (relay, listen) => {
    // Wide addresses are refused for other reasons by a part of their own.
    expect(complaints({ relay, listen })).toEqual([
      expect.stringMatching(
        /^relay .* is where posthaste itself listens \(listen is ".*:\d+"\).*another relay, or another listen$/,
      ),
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
