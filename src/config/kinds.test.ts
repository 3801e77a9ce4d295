import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as kinds from './kinds.ts';
import { rates } from './kinds-relay.ts';

const read = <T>(kind: kinds.Kind<T>, value: unknown): T | 'refused' => {
  const parsed = kind.schema.safeParse(value);
  return parsed.success ? parsed.data : 'refused';
};

describe('durations and sizes', () => {
  test.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['4h', 14_400_000],
    ['5d', 432_000_000],
    ['1.5h', 5_400_000],
    ['2w', 1_209_600_000],
    ['250ms', 250],
    ['1500', 1500],
    [1500, 1500],
    [' 5 M ', 300_000],
  ])('%s is a duration', (text, ms) => expect(read(kinds.duration, text)).toBe(ms));

  test.each([
    '',
    'soon',
    '-5s',
    '5y',
    '1e9',
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    null,
    true,
    {},
    '99999999999999999d',
  ])('%s is no duration', (text) => expect(read(kinds.duration, text)).toBe('refused'));

  test('a duration may have to be of some length', () => {
    expect(read(kinds.durationFrom(1_000), '999')).toBe('refused');
    expect(read(kinds.durationFrom(1_000), '1s')).toBe(1_000);
  });

  test.each([
    ['50MB', 50_000_000],
    ['50 mb', 50_000_000],
    ['64KiB', 65_536],
    ['4096000', 4_096_000],
    [4_096_000, 4_096_000],
    ['0', 0],
  ])('%s is a size', (text, octets) => expect(read(kinds.size, text)).toBe(octets));

  test('a size may have to be of some octets', () => {
    expect(read(kinds.sizeFrom(1_000), '999')).toBe('refused');
    expect(read(kinds.sizeFrom(1_000), '1KB')).toBe(1_000);
  });

  test.each(['50 gigs', 'MB', '-1', ''])('%s is no size', (text) => expect(read(kinds.size, text)).toBe('refused'));

  test('what is shown is read as the same value', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 45 }), (value) => {
        expect(kinds.parseDuration(kinds.showDuration(value))).toBe(value);
        expect(kinds.parseSize(kinds.showSize(value))).toBe(value);
      }),
    );
  });
});

describe('addresses', () => {
  test.each([
    ['127.0.0.1:2525', { host: '127.0.0.1', port: 2525 }],
    ['[::1]:25', { host: '::1', port: 25 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['2525', { host: '127.0.0.1', port: 2525 }],
    [2525, { host: '127.0.0.1', port: 2525 }],
  ])('%s is an address with a port', (text, value) => expect(read(kinds.hostPort, text)).toEqual(value));

  test.each([':2525', '::1:25', '[fe80]:25', '1.2.3.4', 'host:70000', 'host:', 'a b:1', ''])(
    '%s is no address with a port',
    (text) => expect(read(kinds.hostPort, text)).toBe('refused'),
  );

  test.each(['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8'])('%s is a network', (text) =>
    expect(read(kinds.network, text)).toBe(text),
  );
  test.each(['10.0.0.0/33', 'example.com', '10.0.0', '::/129', '10.0.0.0/'])('%s is no network', (text) =>
    expect(read(kinds.network, text)).toBe('refused'),
  );

  test('a name that would break a Received field is refused', () => {
    expect(read(kinds.hostName, 'mx\r\nX: y')).toBe('refused');
    expect(read(kinds.hostName, '[192.0.2.1]')).toBe('[192.0.2.1]');
  });
});

describe('lists', () => {
  const networks = kinds.list(kinds.network, /[\s,]+/);

  test('text and arrays give the same list', () => {
    expect(read(networks, '10.0.0.1, ::1\n10.0.0.2')).toEqual(['10.0.0.1', '::1', '10.0.0.2']);
    expect(read(networks, ['10.0.0.1', '::1,10.0.0.2'])).toEqual(['10.0.0.1', '::1', '10.0.0.2']);
  });

  test('one bad item refuses the list', () => expect(read(networks, '10.0.0.1 nowhere')).toBe('refused'));

  test('users stand apart by white space, so that a password may have commas and colons', () => {
    const users = kinds.list(kinds.user, /\s+/);
    expect(read(users, 'ann:a,b:c\nbob:scrypt$1')).toEqual([
      { name: 'ann', password: 'a,b:c' },
      { name: 'bob', password: 'scrypt$1' },
    ]);
    expect(read(users, [{ name: 'ann', password: 'x' }])).toEqual([{ name: 'ann', password: 'x' }]);
    expect(users.show([{ name: 'ann', password: 'x' }])).toBe('ann:***');
  });
});

describe('words', () => {
  test('a word stands for none, as false does', () => {
    const admin = kinds.orWord(kinds.hostPort, 'off');
    expect([read(admin, 'off'), read(admin, false), read(admin, null)]).toEqual([null, null, null]);
    expect(read(admin, 'on')).toBe('refused');
    expect(admin.show(null)).toBe('off');
  });

  test('a choice takes its words only', () => {
    const choice = kinds.choice('refuse', 'normalise');
    expect(read(choice, 'normalise')).toBe('normalise');
    expect(read(choice, 'accept')).toBe('refused');
    expect(choice.allowed).toBe('refuse or normalise');
  });
});

describe('databases', () => {
  const anchored = (value: string): string | undefined => kinds.database.anchor?.(value, '/srv');

  test.each([
    ['queue.db', `sqlite:${resolve('/srv', 'queue.db')}`],
    ['sqlite:queue.db', `sqlite:${resolve('/srv', 'queue.db')}`],
    ['sqlite:///data/queue.db', 'sqlite:/data/queue.db'],
    ['/data/queue.db', 'sqlite:/data/queue.db'],
    ['postgres://u:p@h/db', 'postgres://u:p@h/db'],
  ])('%s becomes %s', (value, url) => expect(anchored(value)).toBe(url));
});

describe('masks', () => {
  test.each([
    ['smtp://user:pass@host:587', 'smtp://user:***@host:587'],
    ['smtp://user:p@ss:w/rd@host', 'smtp://user:***@host'],
    ['smtp://user@host', 'smtp://user@host'],
    ['smtp://host', 'smtp://host'],
    ['postgres://h/db?password=x&sslmode=on', 'postgres://h/db?password=***&sslmode=on'],
  ])('%s is shown as %s', (url, shown) => expect(kinds.maskUrl(url)).toBe(shown));

  test('no password passes', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (noise) => {
        expect(kinds.maskUrl(`smtp://user:s3cret${noise}@host`)).not.toContain('s3cret');
      }),
    );
  });
});

describe('rates', () => {
  test.each<[string, unknown]>([
    ['14/s', [{ limit: 14, window: 1_000 }]],
    ['600/min', [{ limit: 600, window: 60_000 }]],
    ['200 / h', 'refused'],
    [
      '14/s 50000/d',
      [
        { limit: 14, window: 1_000 },
        { limit: 50_000, window: 86_400_000 },
      ],
    ],
    ...['14', '0/s', '14/week', '-1/s', '1.5/s', '14/s/s'].map((text) => [text, 'refused'] as [string, unknown]),
  ])('%j', (text, expected) => expect(read(rates, text)).toEqual(expected));

  test('are shown as they are written', () => {
    expect(
      rates.show([
        { limit: 14, window: 1_000 },
        { limit: 5, window: 60_000 },
      ]),
    ).toBe('14/s 5/min');
  });
});
