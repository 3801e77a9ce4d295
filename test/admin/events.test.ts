/** The live stream, as a browser's EventSource reads it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AnyRoute } from '../../src/admin/api.ts';
import { eventRoutes } from '../../src/admin/events.ts';
import type { AdminParts } from '../../src/admin/parts.ts';
import { openQueue } from '../../src/index.ts';
import { ManualClock } from '../../src/runtime/clock.ts';
import { AdminBench } from '../support/admin.ts';
import { temporaryFolder } from '../support/posthaste.ts';

let bench: AdminBench;
const streams: AbortController[] = [];

beforeEach(async () => {
  bench = await AdminBench.open();
});

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.abort();
  await bench[Symbol.asyncDispose]();
});

interface Seen {
  readonly id: string | undefined;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it is what it checks.
  readonly data: any;
}

/** Opens a stream; `until` reads on until so many events came. */
async function listen(headers: Readonly<Record<string, string>> = {}) {
  const stop = new AbortController();
  streams.push(stop);
  const response = await fetch(`${bench.origin}/api/v1/events`, { headers, signal: stop.signal });
  const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const seen: Seen[] = [];
  const positions: (string | undefined)[] = [];
  const take = (block: string): void => {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const event = field('event');
    if (event === 'position') positions.push(field('id'));
    else if (event !== undefined) seen.push({ id: field('id'), event, data: JSON.parse(field('data') ?? 'null') });
  };
  const until = async (count: number): Promise<readonly Seen[]> => {
    while (seen.length < count || positions.length === 0) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the stream ended after ${text}`);
      const blocks = (text + value).split('\n\n');
      text = blocks.pop() as string;
      blocks.forEach(take);
    }
    return seen;
  };
  return { response, until, stop, positions };
}

const submit = (to: string) => bench.post('/messages', { from: 'a@example.com', to, subject: 'x\n'.trim(), text: 'x' });

test('it tells of what happens while it happens, and goes on where a client left off', async () => {
  const first = await listen();
  expect(first.response.headers.get('content-type')).toBe('text/event-stream');
  const { json } = await submit('bob@example.org');
  const [told] = await first.until(1);
  expect(told).toMatchObject({ event: 'submitted', data: { delivery: { id: json.id, recipient: 'bob@example.org' } } });
  first.stop.abort();
  await bench.post('/messages/cancel', { ids: [json.id] });
  await bench.post('/relays/default/pause');
  const again = await listen({ 'last-event-id': told?.id ?? '' });
  const seen = await again.until(2);
  expect(new Set(seen.map(({ event }) => event))).toEqual(new Set(['submitted', 'cancelled']));
  await bench.post('/relays/default/resume');
  expect((await again.until(3))[2]).toMatchObject({ event: 'relay', data: { relay: 'default', change: 'resumed' } });
});

test('who leaves before anything happened is told what happened meanwhile', async () => {
  const { json } = await submit('bob@example.org');
  const first = await listen();
  await first.until(0);
  first.stop.abort();
  await bench.post('/messages/cancel', { ids: [json.id] });
  const again = await listen({ 'last-event-id': first.positions[0] ?? '' });
  // What was submitted shortly before comes again.
  const told = await again.until(2);
  expect(told.map(({ event }) => event)).toContain('cancelled');
});

test('a sign of life says how far the stream is', async () => {
  const clock = new ManualClock(1_000);
  const quiet = async function* (): AsyncGenerator<never, void> {
    await new Promise(() => undefined);
  };
  const events = () => ({ events: quiet(), position: () => clock.now() - 1 });
  const [route] = eventRoutes({ events, clock } as unknown as AdminParts);
  const request = new Request('http://localhost/');
  const call = { query: {}, params: {}, body: {}, who: { name: '', role: 'viewer' }, peer: '', request } as const;
  const { body } = (route as AnyRoute).run(call) as Response;
  const reader = (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toBe('retry: 2000\nid: 999\nevent: position\ndata: {}\n\n');
  const next = reader.read();
  await expect.poll(() => clock.nextTimer()).toBe(16_000);
  clock.moveTo(16_000);
  expect((await next).value).toBe('id: 15999\nevent: position\ndata: {}\n\n');
  await reader.cancel();
});

test('what people wrote forges no event', async () => {
  const stream = await listen();
  await bench.ask('/api/v1/messages/raw?from=%3C%3E&to=bob@example.org', {
    method: 'POST',
    headers: { 'content-type': 'message/rfc822' },
    body: 'Subject: =?utf-8?Q?x=0A=0Aevent:_sent=0Adata:_{}=0A=0A?=\r\n\r\nbody\r\n',
  });
  expect((await stream.until(1)).map(({ event }) => event)).toEqual(['submitted']);
});

test('a position that no event had is refused', async () => {
  for (const id of ['x', '-1', '1e3', '9'.repeat(16)])
    expect((await bench.get('/events', { 'last-event-id': id })).status, id).toBe(400);
});

test('who asks only for headers opens no stream', async () => {
  for (let i = 0; i < 60; i++) expect((await bench.ask('/api/v1/events', { method: 'HEAD' })).status).toBe(200);
});

test('streams that nobody reads any more make room for others', async () => {
  const all = await Promise.all(Array.from({ length: 50 }, () => listen()));
  const refused = await bench.get('/events');
  expect([refused.status, refused.json.code]).toEqual([503, 'TOO_MANY_TRIES']);
  for (const { stop } of all) stop.abort();
  const open = async (): Promise<number> => {
    const { response, stop } = await listen();
    stop.abort();
    return response.status;
  };
  await expect.poll(open, { timeout: 30_000 }).toBe(200);
});

test('requests that were given up before they came keep no place', async () => {
  using folder = temporaryFolder();
  await using queue = await openQueue({ dataDir: folder.path });
  const admin = queue.admin({ authorize: () => ({ name: 'ann', role: 'viewer' }) });
  const ask = (signal?: AbortSignal) =>
    admin(new Request('http://localhost/api/v1/events', signal === undefined ? {} : { signal }));
  for (let n = 0; n < 60; n++) await ask(AbortSignal.abort());
  const response = await ask();
  expect(response.status).toBe(200);
  await response.body?.cancel();
});
