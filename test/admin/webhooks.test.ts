/** Webhooks as people see and steer them, and the receiver of docs/webhooks.md. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startDelivery } from '../../src/app/delivery.ts';
import { filesOf } from '../examples/pages.ts';
import { AdminBench } from '../support/admin.ts';
import { started, temporaryFolder } from '../support/posthaste.ts';
import { isSigned, Receiver, SECRET } from '../support/receiver.ts';
import { complaints } from '../support/settings.ts';

const PATIENT = { timeout: 60_000 };

describe('over HTTP', () => {
  let receiver: Receiver;
  let bench: AdminBench;
  let stop: (() => Promise<void>) | undefined;

  beforeEach(async () => {
    receiver = await Receiver.open();
    const shop = {
      url: `${receiver.url}/token?key=1`,
      secret: SECRET,
      events: ['submitted', 'captured'],
    };
    bench = await AdminBench.open({ webhooks: { shop } });
  });

  afterEach(async () => {
    await stop?.();
    stop = undefined;
    await bench[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  });

  const work = async (): Promise<void> => {
    stop = (await startDelivery(bench.app, 'work', bench.log, undefined)).stop;
  };
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it is what it checks.
  const shop = async (): Promise<any> => (await bench.get('/webhooks')).json.webhooks[0];
  const submit = (): Promise<unknown> =>
    bench.post('/messages', { from: 'a@example.com', to: 'b@example.org', subject: 's', text: 't' });

  test('one stands there before it is known, then what it was not told, which goes again when somebody asks', async () => {
    expect(await shop()).toMatchObject({
      name: 'shop',
      standing: 'idle',
      known: true,
      url: expect.stringMatching(/\/\*{3}$/),
    });
    receiver.answering = () => 500;
    await work();
    await submit();
    await expect.poll(shop, PATIENT).toMatchObject({ standing: 'failing', waiting: 2 });
    await stop?.();
    const failing = await shop();
    expect(failing.lastFailure).toMatchObject({ status: 500, error: 'answered 500' });
    // The second event is due all the while, and has to wait for the first.
    const [first] = (await bench.get('/webhooks/shop/deliveries?state=waiting')).json.rows;
    expect([failing.nextTryAt, first.dueAt > first.createdAt]).toEqual([
      Math.max(first.dueAt, failing.restUntil),
      true,
    ]);
    const waiting = (await bench.get('/webhooks/shop/deliveries?state=waiting&limit=1')).json;
    expect(waiting.rows).toMatchObject([{ type: 'submitted', state: 'waiting', attempts: expect.any(Number) }]);
    expect(JSON.parse(waiting.rows[0].body).data.recipient).toBe('b@example.org');
    const { rows } = (await bench.get(`/webhooks/shop/deliveries?state=waiting&cursor=${waiting.cursor}`)).json;
    expect(rows).toMatchObject([{ type: 'captured', attempts: 0 }]);
    await bench.app.store.expireWebhookEvents('shop', Date.now() + 1_000, 10);
    expect(await shop()).toMatchObject({ waiting: 0, failed: 2, nextTryAt: null });
    receiver.answering = () => 204;
    const [id] = (await bench.get('/webhooks/shop/deliveries')).json.rows.map((row: { id: string }) => row.id);
    expect((await bench.post('/webhooks/shop/resend', { ids: [id] })).json).toEqual({ count: 1 });
    expect((await bench.post('/webhooks/shop/resend')).json).toEqual({ count: 1 });
    await work();
    await receiver.until(() => receiver.taken.length === 2);
    expect(receiver.taken.map(({ type }) => type)).toEqual(['submitted', 'captured']);
    await expect.poll(shop, PATIENT).toMatchObject({ standing: 'well', waiting: 0, failed: 0 });
    const audit = (await bench.get('/audit?action=webhook%20resend')).json.rows;
    expect(audit).toMatchObject([{ what: { webhook: 'shop' } }, { what: { webhook: 'shop', ids: [id] } }]);
  });

  test('one that is gone is a problem, and no more when it is enabled', async () => {
    receiver.answering = () => 410;
    await work();
    await submit();
    await expect.poll(shop, PATIENT).toMatchObject({ standing: 'disabled' });
    const { problems } = (await bench.get('/status')).json;
    expect(problems).toContainEqual({
      level: 'warning',
      text: 'webhook shop is gone (410), and told nothing until it is enabled',
    });
    receiver.answering = () => 204;
    await bench.post('/webhooks/shop/enable');
    await receiver.until(() => receiver.taken.length > 0);
    await expect.poll(shop, PATIENT).toMatchObject({ standing: 'well' });
  });

  test('a test tells what came of it', async () => {
    const answer = (await bench.post('/webhooks/shop/test')).json;
    expect(answer).toEqual({ ok: true, status: 204, error: null, durationMs: expect.any(Number) });
    const [event] = receiver.received;
    expect([event?.type, event && isSigned(event, SECRET)]).toEqual(['test', true]);
    receiver.answering = () => 401;
    expect((await bench.post('/webhooks/shop/test')).json).toMatchObject({ ok: false, error: 'answered 401' });
    for (const path of ['test', 'resend', 'enable'])
      expect((await bench.post(`/webhooks/none/${path}`)).status, path).toBe(404);
    expect((await bench.get('/webhooks/none/deliveries')).status).toBe(404);
  });
});

test.each([
  [{ shop: { secret: SECRET } }, 'webhooks.shop.url'],
  [{ shop: { url: 'https://x.example' } }, 'webhooks.shop'],
  [{ shop: { url: 'https://x.example', secret: SECRET, secretFile: '/x' } }, 'webhooks.shop'],
  [{ shop: { url: 'ftp://x.example', secret: SECRET } }, 'webhooks.shop.url'],
  [{ shop: { url: 'https://x.example', secret: 'whsec_c2hvcnQ=' } }, 'webhooks.shop.secret'],
  [{ shop: { url: 'https://x.example', secret: SECRET, events: 'opened' } }, 'webhooks.shop.events'],
  [{ 'a b': { url: 'https://x.example', secret: SECRET } }, 'webhooks.a b'],
])('settings %j are refused by the name of the part', (webhooks, part) => {
  const told = complaints({ webhooks });
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(new RegExp(`^${part} `));
  expect(told[0]).not.toContain('c2hvcnQ=');
});

test('the receiver of the page takes what is signed, once, and refuses the rest', async () => {
  using folder = temporaryFolder();
  const [file] = filesOf('docs/webhooks.md');
  const path = join(folder.path, file?.path ?? '');
  writeFileSync(path, file?.text ?? '');
  const receiver = started([path], { dataDir: folder.path, environment: { PORT: '0', WEBHOOK_SECRET: SECRET } });
  const port = (await receiver.written('listening on ')).split(' ').at(-1);
  const url = `http://127.0.0.1:${port}/`;
  await using bench = await AdminBench.open({ webhooks: { shop: { url, secret: SECRET } } });
  const other = `whsec_${Buffer.alloc(24).toString('base64')}`;
  await using stranger = await AdminBench.open({ webhooks: { shop: { url, secret: other } } });
  expect((await stranger.post('/webhooks/shop/test')).json).toMatchObject({ ok: false, status: 401 });
  expect((await bench.post('/webhooks/shop/test')).json).toMatchObject({ ok: true });
  const { stop } = await startDelivery(bench.app, 'work', bench.log, undefined);
  await bench.post('/messages', { from: 'a@example.com', to: 'b@example.org', subject: 's', text: 't' });
  expect(await receiver.written('captured b@example.org')).toMatch(
    /^listening on \d+\ntest \nsubmitted b@example.org\ncaptured b@example.org$/,
  );
  await stop();
  await receiver.stop();
});
