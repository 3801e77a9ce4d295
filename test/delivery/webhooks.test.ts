/** Webhooks: signed, in order, again after failures, and no burden where nobody answers. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keyOfSecret } from '../../src/config/kinds-webhook.ts';
import { WEBHOOK_EVENTS, type WebhookState } from '../../src/queue/webhook.ts';
import type { Webhook } from '../../src/report/webhook-courier.ts';
import { Webhooks } from '../../src/report/webhooks.ts';
import { newId } from '../../src/runtime/id.ts';
import { Stage } from '../support/delivery.ts';
import { type Asked, isSigned, OTHER_SECRET, Receiver, SECRET } from '../support/receiver.ts';

const HOUR = 3_600_000;

let stage: Stage;
let receiver: Receiver;

beforeEach(async () => {
  stage = await Stage.open();
  receiver = await Receiver.open();
});

afterEach(async () => {
  await receiver[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
});

function webhooks(part: Partial<Webhook> = {}): Webhooks {
  const { store, clock, log } = stage;
  const parts = { store, clock, log, random: () => 0.5, holder: newId(clock.now()) };
  const keys = [keyOfSecret(SECRET) as Buffer];
  const way = { name: 'shop', url: receiver.url, keys, timeout: 60_000, connections: 4, maxAge: 72 * HOUR };
  return new Webhooks(parts, [{ ...way, events: WEBHOOK_EVENTS, ...part }]);
}

/** Makes it known, so that what comes is kept for it. */
async function known(part: Partial<Webhook> = {}): Promise<void> {
  await webhooks(part).once();
}

const state = async (): Promise<WebhookState> => (await stage.store.webhooks())[0] as WebhookState;
const later = (ms: number): void => stage.clock.moveTo(stage.clock.now() + ms);
const waiting = async (): Promise<number> => (await stage.store.webhookCounts())[0]?.waiting ?? 0;

test('each event is signed with every secret, as Standard Webhooks has it', async () => {
  const keys = [keyOfSecret(OTHER_SECRET) as Buffer, keyOfSecret(SECRET) as Buffer];
  await known({ keys });
  const id = await stage.submit();
  await webhooks({ keys }).once();
  const [event] = receiver.received;
  if (event === undefined) throw new Error('nothing came');
  expect([event.type, event.data.id]).toEqual(['submitted', id]);
  expect(event.headers['content-type']).toBe('application/json');
  expect(event.timestamp).toBe(Math.floor(stage.clock.now() / 1_000));
  expect(event.signatures).toHaveLength(2);
  for (const secret of [SECRET, OTHER_SECRET]) expect(isSigned(event, secret)).toBe(true);
  expect(isSigned({ ...event, text: `${event.text} ` }, SECRET)).toBe(false);
  expect(await waiting()).toBe(0);
});

test('the events of a message come in order, whatever fails in between, and other messages do not wait for it', async () => {
  await known();
  const ids = [await stage.submit(), await stage.submit(), await stage.submit()];
  const [stubborn] = ids;
  let refusals = 0;
  receiver.answering = ({ data }) => (data.id === stubborn && refusals++ < 2 ? 500 : 200);
  await stage.once();
  await webhooks().once();
  expect(receiver.typesByMessage()).toEqual(new Map(ids.slice(1).map((id) => [id, ['submitted', 'sent']])));
  later(HOUR);
  await webhooks().once();
  later(HOUR);
  await webhooks().once();
  expect([...receiver.typesByMessage().values()]).toEqual(ids.map(() => ['submitted', 'sent']));
  const tries = receiver.received.filter(({ data, type }) => data.id === stubborn && type === 'submitted');
  expect(tries.map(({ status }) => status)).toEqual([500, 500, 200]);
  expect([new Set(tries.map(({ id }) => id)).size, new Set(tries.map(({ text }) => text)).size]).toEqual([1, 1]);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(6);
  expect(await waiting()).toBe(0);
});

test('one that does not answer costs one connection now and then, and nothing is lost', async () => {
  await known();
  for (let i = 0; i < 50; i++) await stage.submit();
  receiver.answering = () => 503;
  await webhooks().once();
  // Those that were begun together may fail together.
  const begun = receiver.received.length;
  expect(begun).toBeLessThanOrEqual(3 + 4);
  await webhooks().once();
  expect(receiver.received).toHaveLength(begun);
  for (let hour = 1; hour <= 5; hour++) {
    later(2 * HOUR);
    await webhooks().once();
    expect(receiver.received).toHaveLength(begun + hour);
  }
  const failing = await state();
  expect(failing.failures).toBe(begun + 5);
  expect(failing.lastFailure).toMatchObject({ status: 503, error: 'answered 503' });
  receiver.answering = () => 200;
  later(2 * HOUR);
  await webhooks().once();
  // What was tried waits by itself, until its own time.
  later(2 * HOUR);
  await webhooks().once();
  expect(new Set(receiver.taken.map(({ id }) => id)).size).toBe(50);
  expect(await state()).toMatchObject({ failures: 0, failingSince: null, restUntil: null });
});

test('a wait that it asks for is kept', async () => {
  await known();
  await stage.submit();
  receiver.answering = (_, response) => {
    response.writeHead(429, { 'retry-after': '1800' }).end('slow down');
    return undefined;
  };
  await webhooks().once();
  expect(await state()).toMatchObject({ restUntil: stage.clock.now() + 1_800_000 });
  expect((await state()).lastFailure?.error).toBe('answered 429: slow down');
  receiver.answering = () => 200;
  later(1_799_000);
  await webhooks().once();
  expect(receiver.taken).toHaveLength(0);
  later(1_000);
  await webhooks().once();
  expect(receiver.taken).toHaveLength(1);
});

test('one that is gone gets nothing more until it is enabled', async () => {
  await known();
  await stage.submit();
  await stage.submit();
  receiver.answering = () => 410;
  await webhooks({ connections: 1 }).once();
  expect(receiver.received).toHaveLength(1);
  expect((await state()).disabledAt).toBe(stage.clock.now());
  await stage.submit();
  later(48 * HOUR);
  await webhooks().once();
  expect(receiver.received).toHaveLength(1);
  receiver.answering = () => 200;
  await stage.store.enableWebhook('shop');
  await webhooks().once();
  expect(receiver.taken).toHaveLength(2);
});

test('redirects are not followed, and answers without end are not read', async () => {
  await known();
  await stage.submit();
  receiver.answering = (_, response) => {
    response.writeHead(302, { location: receiver.url }).end();
    return undefined;
  };
  await webhooks().once();
  expect(receiver.received).toHaveLength(1);
  expect((await state()).lastFailure?.error).toBe('answered 302, and redirects are not followed');
  receiver.answering = (_, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(16_384, 'x');
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
    return undefined;
  };
  later(HOUR);
  await webhooks().once();
  expect(await waiting()).toBe(0);
});

test('one that says nothing, and one that is not there, are failures with a reason and without the address', async () => {
  await known();
  await stage.submit();
  receiver.answering = () => undefined;
  await webhooks({ timeout: 50 }).once();
  expect((await state()).lastFailure).toMatchObject({ status: null, error: 'no answer within 50 ms' });
  later(HOUR);
  // Nobody listens on a port of the system's that has no use.
  await webhooks({ url: 'http://ann:secret@127.0.0.1:2/token' }).once();
  expect((await state()).lastFailure).toMatchObject({ status: null, error: 'ECONNREFUSED' });
});

test.each([
  ['the address', ({ url }: Asked) => `Cannot POST ${url}`, 'Cannot POST ***'],
  ['its path, decoded', () => 'no hook /hook/T0ken 7/in', 'no hook ***'],
  ['its path in JSON of PHP', () => '{"path":"\\/hook\\/T0ken%207\\/in"}', '{"path":"***"}'],
  ['the end of its path', () => 'unknown: T0ken%207', 'unknown: ***'],
  ['the value of a query', () => '{"key":"geheim&co"}', '{"key":"***"}'],
  ['the login', ({ headers }: Asked) => `ann-user p@ssword ${headers.authorization}`, '*** *** Basic ***'],
  ['a key', () => `bad signature with ${SECRET}`, 'bad signature with ***'],
  ['a key that is cut off', () => `bad key ${SECRET.slice(0, 30)}...`, 'bad key ***...'],
  ['what stands where an answer is cut off', () => `${'x '.repeat(95)}${SECRET}`, `${'x '.repeat(95)}***`],
  ['words that stand in it too', () => 'no such hook: see /', 'no such hook: see /'],
] as const)('what an answer repeats of the secrets is not kept: %s', async (_name, answer, kept) => {
  await known();
  await stage.submit();
  receiver.answering = (received, response) => {
    response.writeHead(500).end(answer(received));
    return undefined;
  };
  const login = receiver.url.replace('http://', 'http://ann-user:p%40ssword@');
  await webhooks({ url: `${login}/T0ken%207/in?key=geheim%26co` }).once();
  expect((await state()).lastFailure?.error).toBe(`answered 500: ${kept}`);
});

test('an address without a secret takes nothing out of an answer', async () => {
  await known();
  await stage.submit();
  receiver.answering = (_, response) => {
    response.writeHead(500).end('no POST at / here');
    return undefined;
  };
  await webhooks({ url: receiver.url.replace('/hook', '/') }).once();
  expect((await state()).lastFailure?.error).toBe('answered 500: no POST at / here');
});

test('a login in the address is sent as one', async () => {
  await known();
  await stage.submit();
  await webhooks({ url: receiver.url.replace('http://', 'http://ann:p%40ss@') }).once();
  const basic = Buffer.from('ann:p@ss').toString('base64');
  expect(receiver.received[0]?.headers.authorization).toBe(`Basic ${basic}`);
});

test('a login with a lone percent sign is sent as it stands', async () => {
  await known();
  await stage.submit();
  await webhooks({ url: receiver.url.replace('http://', 'http://ann:100%@') }).once();
  expect(receiver.received[0]?.headers.authorization).toBe(`Basic ${Buffer.from('ann:100%').toString('base64')}`);
});

test('a port that HTTP clients refuse is named as the reason', async () => {
  await known();
  await stage.submit();
  await webhooks({ url: 'http://127.0.0.1:6000/token' }).once();
  expect((await state()).lastFailure?.error).toBe(
    'port 6000 is kept for another protocol, and HTTP clients refuse it: let the receiver listen on another port',
  );
});

test('what could not be told in its time fails, and goes when somebody asks for it', async () => {
  await known();
  await stage.submit();
  receiver.answering = () => 500;
  await webhooks().once();
  later(73 * HOUR);
  await webhooks().once();
  expect(await stage.store.webhookCounts()).toMatchObject([{ waiting: 0, failed: 1 }]);
  const tries = receiver.received.length;
  receiver.answering = () => 200;
  later(HOUR);
  await webhooks().once();
  expect(receiver.received).toHaveLength(tries);
  expect(await stage.store.resendWebhookEvents('shop', null, stage.clock.now())).toBe(1);
  await webhooks().once();
  expect(receiver.taken).toHaveLength(1);
});

test('several processes share the work: one posts, and another goes on when it has let go', async () => {
  await known();
  for (let i = 0; i < 20; i++) await stage.submit();
  await Promise.all([webhooks().once(), webhooks().once(), webhooks().once()]);
  expect(receiver.received.map(({ id }) => id).toSorted()).toEqual(
    [...new Set(receiver.received.map(({ id }) => id))].toSorted(),
  );
  expect(receiver.taken).toHaveLength(20);
  await stage.submit();
  await webhooks().once();
  expect(receiver.taken).toHaveLength(21);
});
