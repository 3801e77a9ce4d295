/** queue.admin(): the application says who asks, and no slip of it lets anybody in. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AdminMountOptions, type MailQueue, openQueue } from '../../src/index.ts';
import { temporaryFolder } from '../support/posthaste.ts';

let folder: ReturnType<typeof temporaryFolder>;
let queue: MailQueue;

beforeEach(async () => {
  folder = temporaryFolder();
  queue = await openQueue({ dataDir: folder.path });
});

afterEach(async () => {
  await queue.close();
  folder[Symbol.dispose]();
});

const ask = (options: AdminMountOptions, path: string, init: RequestInit = {}): Promise<Response> =>
  queue.admin(options)(new Request(`https://app.example.com${path}`, init));

test('who is nobody, or something strange, sees nothing', async () => {
  const strange = [
    null,
    undefined,
    false,
    true,
    {},
    'ann',
    { name: 'ann' },
    { name: '', role: 'operator' },
    { name: 'ann', role: 'admin' },
  ];
  for (const user of strange) {
    const { status } = await ask({ authorize: () => user as never }, '/api/v1/status');
    expect(status, JSON.stringify(user)).toBe(401);
  }
  const failing = await ask({ authorize: () => Promise.reject(new Error('secret cause')) }, '/api/v1/status');
  expect([failing.status, await failing.text()]).toEqual([500, expect.not.stringContaining('secret')]);
});

test('its name and role are what it may do', async () => {
  const viewer: AdminMountOptions = { authorize: () => ({ name: 'vera', role: 'viewer' }) };
  expect((await ask(viewer, '/api/v1/status')).status).toBe(200);
  const pause = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
  expect((await ask(viewer, '/api/v1/relays/default/pause', pause)).status).toBe(403);
  const ann: AdminMountOptions = { authorize: async () => ({ name: 'ann', role: 'operator' }), path: '/mail/' };
  expect((await ask(ann, '/mail/api/v1/relays/default/pause', pause)).status).toBe(200);
  const { relays } = (await (await ask(ann, '/mail/api/v1/relays')).json()) as { relays: unknown[] };
  expect(relays).toMatchObject([{ pausedBy: 'ann' }]);
  expect((await ask(ann, '/api/v1/relays')).status).toBe(404);
});

test('a form of another site is refused, whatever the application thinks of it', async () => {
  const ann: AdminMountOptions = { authorize: () => ({ name: 'ann', role: 'operator' }) };
  for (const origin of [
    'https://evil.example',
    'https://app.example.com.evil.example',
    'https://app.example.com:8443',
  ]) {
    const headers = { origin, host: 'app.example.com', 'content-type': 'application/json' };
    const attack = { method: 'POST', headers, body: '{"filter":{}}' };
    expect((await ask(ann, '/api/v1/messages/cancel', attack)).status, origin).toBe(403);
  }
});

test('options that are none are refused at once', () => {
  expect(() => queue.admin({} as never)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  for (const path of ['mail', '/a b', '/..?', '/:id', '/*'])
    expect(() => queue.admin({ authorize: () => null, path }), path).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    );
});
