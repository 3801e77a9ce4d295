/** The list of suppressions as CSV over HTTP. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PosthasteError } from '../../src/errors.ts';
import { AdminBench, type Answer } from '../support/admin.ts';

let bench: AdminBench;

beforeEach(async () => {
  bench = await AdminBench.open();
});

afterEach(() => bench[Symbol.asyncDispose]());

const send = (body: string | ReadableStream, query = '', type = 'text/csv; charset=utf-8'): Promise<Answer> =>
  bench.ask(`/api/v1/suppressions/import${query}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  } as RequestInit);

const targets = async (): Promise<string[]> =>
  (await bench.get('/suppressions')).json.rows.map(({ target }: { target: string }) => target);

test('what is exported is what import reads again, and nothing that a spreadsheet computes', async () => {
  const entry = { target: '@example.org', reason: '=1+1', since: 1_700_000_000_000, until: 4_000_000_000_000 };
  await bench.post('/suppressions', { entries: [{ ...entry, note: 'said "no", twice' }, { target: 'é@example.net' }] });
  const before = (await bench.get('/suppressions')).json.rows;
  const { text, headers } = await bench.get('/suppressions.csv');
  expect(headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  expect(headers.get('content-disposition')).toBe('attachment; filename="suppressions.csv"');
  expect(text.split('\r\n')[1]).toMatch(/^'@example\.org,'=1\+1,2023-11-14T22:13:20\.000Z,[^,]+,"said ""no"", twice"$/);
  await bench.post('/suppressions/remove', { targets: ['@example.org', 'é@example.net'] });
  expect((await send(text)).json).toEqual({ count: 2, refused: 0, faults: [], dryRun: false });
  expect((await bench.get('/suppressions')).json.rows).toEqual(before);
});

test('import names the lines that are no entries and takes the rest; a dry run changes nothing', async () => {
  const csv = 'Email,Created,Ignored\nann@example.com,1700000000,x\nnonsense,,\ncy@example.com,yesterday,\n';
  const report = {
    count: 1,
    refused: 2,
    faults: [
      {
        line: 3,
        fault: '"nonsense" is no address and no @domain: it has no local part and domain with an @ between them',
      },
      { line: 4, fault: 'since is "yesterday": give a time such as 2027-01-31T12:00:00Z' },
    ],
  };
  expect((await send(csv, '?dryRun=true')).json).toEqual({ ...report, dryRun: true });
  expect(await targets()).toEqual([]);
  expect((await send(csv)).json).toEqual({ ...report, dryRun: false });
  expect(await targets()).toEqual(['ann@example.com']);
});

test('import refuses what is no list, and keeps nothing of it', async () => {
  for (const [body, detail] of [
    ['', 'the list is empty: its first line names the columns'],
    [
      'ann@example.com\n',
      'line 1: the first line names the columns, one of them target (or email, address); found "ann@example.com"',
    ],
  ] as const) {
    const answer = await send(body);
    expect([answer.status, answer.json.code, answer.json.detail]).toEqual([400, 'SUPPRESSION_INVALID', detail]);
  }
  for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain'])
    expect((await send('target\nann@example.com\n', '', type)).status).toBe(415);
  expect(await targets()).toEqual([]);
});

test('lists of any length go through in pieces', async () => {
  const count = 30_000;
  const encoder = new TextEncoder();
  let i = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (i === 0) controller.enqueue(encoder.encode('target,note\n'));
      controller.enqueue(encoder.encode(`user${i}@example.com,${'x'.repeat(100)}\n`));
      if (++i === count) controller.close();
    },
  });
  expect((await send(body)).json).toMatchObject({ count, refused: 0 });
  const { text } = await bench.get('/suppressions.csv');
  expect(text.split('\r\n')).toHaveLength(count + 2);
});

test('a store that fails in the middle says how much was kept', async () => {
  const { queue } = bench.app;
  const suppress = queue.suppress.bind(queue);
  let calls = 0;
  // The disk is full from the second part on.
  queue.suppress = (entries) =>
    ++calls === 2 ? Promise.reject(new PosthasteError('STORE_UNAVAILABLE', 'The disk is full.')) : suppress(entries);
  const rows = Array.from({ length: 1_200 }, (_, each) => `user${each}@example.com\n`);
  const { status, json } = await send(`target\n${rows.join('')}`);
  expect([status, json.detail]).toEqual([
    503,
    'The disk is full. The first 500 entries of the list were kept: send the whole of it again.',
  ]);
});

test('a client that goes away in the middle leaves whole parts, and a server that goes on', async () => {
  const socket = connect(bench.port, '127.0.0.1');
  const rows = Array.from({ length: 500 }, (_, each) => `user${each}@example.com\n`).join('');
  const head = ['POST /api/v1/suppressions/import HTTP/1.1', 'host: localhost', 'content-type: text/csv'];
  socket.write(`${[...head, 'content-length: 100000000'].join('\r\n')}\r\n\r\ntarget\n${rows}half of an addr`);
  await expect
    .poll(async () => (await bench.get('/suppressions?limit=1')).json.rows.length, { timeout: 60_000 })
    .toBe(1);
  socket.destroy();
  await once(socket, 'close');
  expect((await bench.get('/suppressions/lookup?address=user499@example.com')).json.entry).not.toBeNull();
  expect((await bench.get('/suppressions.csv')).text.split('\r\n')).toHaveLength(502);
});
