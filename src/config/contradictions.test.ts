import { describe, expect, test } from 'vitest';
import { at, complaints, loaded, relay, ses } from '../../test/support/settings.ts';

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

describe('a contradiction names both sides', () => {
  test.each<[string, unknown, string]>([
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
      'relayTls (relayTls in /etc/ph.ts) is "none": does not fit relay, which is "smtps://relay.example" and is TLS from the start: allowed are auto, required and verified, or smtp:',
    ],
    [
      'encryption by opportunity in an encrypted connection',
      { relay: 'smtps://relay.example', relayTls: 'opportunistic' },
      'relayTls (relayTls in /etc/ph.ts) is "opportunistic": does not fit relay, which is "smtps://relay.example" and is TLS from the start: allowed are auto, required and verified, or smtp:',
    ],
    [
      'encryption by opportunity in an encrypted connection to a relay by name',
      { relays: { ses: { url: 'smtps://h', tls: { level: 'opportunistic' } } } },
      at(
        'relays.ses.tls.level',
        'is opportunistic, and the relay "smtps://h" is TLS from the start: allowed are auto, required and verified, or smtp:',
      ),
    ],
    [
      'the same by its URL alone',
      { relays: { ses: 'smtps://h?tls=opportunistic' } },
      at(
        'relays.ses.url',
        'has tls=opportunistic, and the relay "smtps://h?tls=opportunistic" is TLS from the start: allowed are auto, required and verified, or smtp:',
      ),
    ],
  ])('%s', (_, values, sentence) => expect(complaints(values)).toEqual([sentence]));
});
