/** The effective settings over HTTP: what the command shows, to everybody who may look, and no secret. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openQueue } from '../../src/index.ts';
import { AdminBench } from '../support/admin.ts';
import { temporaryFolder } from '../support/posthaste.ts';

interface Row {
  readonly name: string;
  readonly parts: readonly { readonly name: string; readonly shown: string }[];
  readonly [field: string]: unknown;
}

const rowsOf = (json: { readonly settings: readonly Row[] }): ReadonlyMap<string, Row> =>
  new Map(json.settings.map((row) => [row.name, row]));

const basic = (login: string) => ({ authorization: `Basic ${Buffer.from(login).toString('base64')}` });

test('a viewer sees each setting with its value, its origin and its sentence, and no secret', async () => {
  await using bench = await AdminBench.open({
    adminViewers: 'vera:vera-secret',
    adminUsers: 'olga:olga-secret',
    relays: {
      ses: { url: 'smtp://ann:ses-secret@mail.example.com:587', rate: '14/s', retry: { maxAge: '2d' } },
      own: { transport: { name: 'own', send: () => undefined } },
    },
    maxAge: '3d',
    beforeSend: () => undefined,
  });
  expect((await bench.get('/config')).status).toBe(401);
  for (const login of ['vera:vera-secret', 'olga:olga-secret']) {
    const { status, json, text } = await bench.get('/config', basic(login));
    expect(status).toBe(200);
    expect(text).not.toMatch(/secret@|-secret"/);
    const rows = rowsOf(json);
    expect(rows.get('maxAge')).toMatchObject({ value: 259_200_000, from: '--max-age', group: 'Retry', secret: false });
    expect(rows.get('maxAge')?.parts).toEqual([{ name: 'maxAge', shown: '3d' }]);
    expect(rows.get('maxHops')).toMatchObject({ value: 50, from: 'default' });
    expect(rows.get('adminUsers')).toMatchObject({ secret: true, value: 'olga:***' });
    expect(rows.get('relays')).toMatchObject({ secret: true, value: { ses: { retry: { maxAge: 172_800_000 } } } });
    expect(rows.get('relays')?.parts).toContainEqual({ name: 'relays.ses.rate', shown: '14/s' });
    expect(rows.get('relays')?.parts).toContainEqual({ name: 'relays.own.transport', shown: 'a transport named own' });
    expect(rows.get('alertWebhook')?.sentence).toMatch(/^Where a server posts alerts: /);
  }
});

test('an application sees those that it acts by, with the places they came from', async () => {
  using folder = temporaryFolder();
  const configFile = join(folder.path, 'queue.config.json');
  writeFileSync(configFile, JSON.stringify({ maxHops: 7, users: ['ann:users-secret'] }));
  await using queue = await openQueue({ dataDir: folder.path, configFile, relay: 'smtp://ann:pw-secret@mail.example' });
  const handler = queue.admin({ authorize: () => ({ name: 'vera', role: 'viewer' }) });
  const text = await (await handler(new Request('http://localhost/api/v1/config'))).text();
  const rows = rowsOf(JSON.parse(text));
  expect(rows.get('maxHops')).toMatchObject({ value: 7, from: `maxHops in ${configFile}` });
  expect(rows.get('relay')).toMatchObject({ value: 'smtp://ann:***@mail.example', from: 'relay in openQueue()' });
  expect(rows.has('users')).toBe(false);
  expect(text).not.toContain('-secret');
});
