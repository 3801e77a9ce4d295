import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseNetworkUrl } from './network-url.ts';

const parsed = (url: string) => parseNetworkUrl(url, 5432);

test('a URL says where the database is, who asks, and what stands for it before people', () => {
  expect(parsed('postgres://me:p%40ss%2F@db.example:6543/my%20queue?connections=4&prepare=false')).toEqual({
    host: 'db.example',
    port: 6543,
    user: 'me',
    password: 'p@ss/',
    database: 'my queue',
    tls: undefined,
    connections: 4,
    prepare: false,
    listen: null,
    shown: 'postgres://me@db.example:6543/my%20queue',
  });
  expect(parsed('mysql://[::1]/q')).toMatchObject({ host: '::1', port: 5432, user: undefined, connections: 10 });
  expect(parsed('postgres://db/q?listen=primary:6000/other')).toMatchObject({
    prepare: null,
    listen: { host: 'primary', port: 6000, database: 'other' },
  });
  expect(parsed('postgres://db/q?listen=[::1]').listen).toEqual({ host: '::1', port: 5432, database: 'q' });
  expect(parsed('postgres://me@localhost/q?host=/var/run/postgresql')).toMatchObject({ host: '/var/run/postgresql' });
});

test.each([
  ['sslmode=disable', undefined],
  ['ssl=false', undefined],
  ['ssl=true', { rejectUnauthorized: true }],
  [`sslrootcert=${fileURLToPath(import.meta.url)}`, { rejectUnauthorized: true, ca: expect.any(String) }],
  ['sslmode=require', { rejectUnauthorized: false, checkServerIdentity: expect.any(Function) }],
  ['sslmode=verify-ca', { rejectUnauthorized: true, checkServerIdentity: expect.any(Function) }],
  ['sslmode=verify-full', { rejectUnauthorized: true }],
])('%s', (parameter, tls) => {
  expect(parsed(`postgres://db/q?${parameter}`).tls).toEqual(tls);
});

test.each([
  ['postgres://me:sesame@db', /me@db .*names no database/],
  ['postgres://me:sesame@db/q?sslmode=prefer', /allows sslmode=disable, require/],
  ['postgres://me:sesame@db/q?tls=true', /parameter tls; known are ssl, sslmode/],
  ['postgres://me:sesame@db/q?ssl=1', /ssl=true/],
  ['postgres://me:sesame@db/q?listen=you:word@db', /listen=HOST:PORT/],
  ['postgres://me:sesame@db/q?connections=1', /connections=2/],
  ['postgres://me:sesame@db/q?prepare=no', /prepare=true/],
  ['postgres://me:sesame@db/q?sslrootcert=/none', /\/none, which cannot be read \(ENOENT\)|sslmode/],
  ['postgres://me:sesame%zz@db/q', /write %25/],
  ['postgres://me:sesame@db:port/q', /is no URL/],
])('%s is refused, without its password', (url, message) => {
  const failing = (): unknown => parsed(url.includes('sslrootcert') ? `${url}&sslmode=require` : url);
  expect(failing).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }));
  expect(failing).toThrow(expect.not.objectContaining({ message: expect.stringContaining('sesame') }));
});
