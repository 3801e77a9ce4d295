/** What the HTTP API shows and does, on a real database. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AdminBench } from '../support/admin.ts';

let bench: AdminBench;

beforeEach(async () => {
  bench = await AdminBench.open();
});

afterEach(() => bench[Symbol.asyncDispose]());

async function submit(
  mail: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const given = { from: 'Ann <ann@example.com>', to: 'bob@example.org', subject: 'Hello', text: 'one\n', ...mail };
  const { status, json } = await bench.post('/messages', given, headers);
  expect([200, 201], JSON.stringify(json)).toContain(status);
  return json.id;
}

const recipients = async (query: string): Promise<string[]> =>
  (await bench.get(`/messages${query}`)).json.rows.map(({ recipient }: { recipient: string }) => recipient);

describe('messages', () => {
  test('are found by each thing that is known of them', async () => {
    const hello = await submit({ options: { tags: ['a,b'], priority: 'high' } });
    await submit({
      from: 'eve@other.example',
      to: ['carol@example.net', 'dan@example.net'],
      subject: 'Große Änderung',
    });
    const { json } = await bench.get(`/messages/${hello}`);
    const messageId = encodeURIComponent(json.message.messageId);
    expect(await recipients('')).toEqual(['carol@example.net', 'dan@example.net', 'bob@example.org']);
    expect(await recipients('?recipient=@example.net')).toHaveLength(2);
    expect(await recipients('?sender=EVE@other.example')).toHaveLength(2);
    expect(await recipients(`?subject=${encodeURIComponent('ÄNDERUNG')}`)).toHaveLength(2);
    expect(await recipients(`?messageId=${messageId}`)).toEqual(['bob@example.org']);
    expect(await recipients(`?messageId=${messageId.replace(/%3C|%3E/g, '')}`)).toEqual(['bob@example.org']);
    expect(await recipients('?tag=a,b')).toEqual(['bob@example.org']);
    expect(await recipients('?state=held,bounced')).toEqual([]);
    expect(await recipients('?state=queued&relay=default&deferred=false')).toHaveLength(3);
    expect(await recipients(`?createdAfter=${json.message.createdAt}`)).toHaveLength(2);
    expect((await bench.get('/messages/count?recipient=@example.net')).json).toEqual({ count: 2 });
  });

  test('come in pages that shift by nothing that arrives meanwhile', async () => {
    for (let i = 0; i < 5; i++) await submit({ to: `r${i}@example.org` });
    const first = (await bench.get('/messages?limit=2')).json;
    await submit({ to: 'late@example.org' });
    const second = (await bench.get(`/messages?limit=2&cursor=${first.cursor}`)).json;
    const third = (await bench.get(`/messages?limit=2&cursor=${second.cursor}`)).json;
    const names = [first, second, third].flatMap(({ rows }) => rows.map((row: { recipient: string }) => row.recipient));
    expect(names).toEqual(['r4@example.org', 'r3@example.org', 'r2@example.org', 'r1@example.org', 'r0@example.org']);
    expect(third.cursor).toBeNull();
    const junk = await bench.get('/messages?cursor=junk');
    expect([junk.status, junk.json.errors]).toEqual([400, [{ path: 'cursor', message: 'no cursor of a page' }]]);
    const message = 'allowed is a whole number from 1 to 500';
    for (const limit of ['-1', '0', '501', '1.5', 'many'])
      expect((await bench.get(`/messages?limit=${limit}`)).json.errors).toEqual([{ path: 'limit', message }]);
  });

  test('are found by each value of a list, however it is given, and by nothing that is given twice', async () => {
    await submit({ options: { held: true } });
    await submit();
    for (const query of ['state=queued,held', 'state=queued&state=held', 'state=bounced,queued&state=held'])
      expect((await bench.get(`/messages/count?${query}`)).json, query).toEqual({ count: 2 });
    for (const name of ['recipient', 'createdAfter', 'deferred', 'reports', 'reason']) {
      const { status, json } = await bench.get(`/messages/count?${name}=1&${name}=2`);
      const errors = [{ path: name, message: 'is given more than once' }];
      expect([status, json.errors], name).toEqual([400, errors]);
    }
    const wrong = await bench.get('/messages/count?state=queued&state=gone');
    expect([wrong.status, wrong.json.errors[0].path]).toEqual([400, 'state.1']);
  });

  test('show one with its recipients, why each waits, and what happened to it', async () => {
    const id = await submit({ options: { metadata: { order: '7' }, held: true } });
    const { json } = await bench.get(`/messages/${id}`);
    expect(json.message).toMatchObject({ id, subject: 'Hello', sender: 'ann@example.com', metadata: { order: '7' } });
    expect(json.deliveries).toMatchObject([
      { recipient: 'bob@example.org', state: 'held', why: expect.stringMatching(/held/) },
    ]);
    expect(json.timeline.map(({ kind }: { kind: string }) => kind)).toEqual(['submitted', 'held']);
    expect(json.contentKept).toBe(true);
  });

  test('that are not there are not found, and what is no id is refused', async () => {
    const missing = await bench.get('/messages/0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11');
    expect([missing.status, missing.json.code]).toEqual([404, 'NOT_FOUND']);
    expect(missing.headers.get('content-type')).toBe('application/problem+json');
    const wrong = await bench.get('/messages/1');
    expect([wrong.status, wrong.json.errors]).toEqual([400, [{ path: 'id', message: 'no queue id' }]]);
  });
});

describe('contents', () => {
  test('are shown in parts: header, text, HTML with its images in it, attachments as files', async () => {
    const png = Buffer.from('89504e470d0a1a0a', 'hex').toString('base64');
    const id = await submit({
      html: '<p>Hi <img src="cid:logo"><img src="https://tracker.example/x.png"></p>',
      attachments: [
        { filename: 'logo.png', contentType: 'image/png', content: png, cid: 'logo' },
        {
          filename: 'r"é\u202e.html',
          contentType: 'text/html',
          content: Buffer.from('<script>1</script>').toString('base64'),
        },
      ],
    });
    const { json } = await bench.get(`/messages/${id}/content`);
    expect(json.headers.map(({ name }: { name: string }) => name)).toContain('Message-ID');
    expect([json.text.trim(), json.partial]).toEqual(['one', false]);
    expect(json.attachments).toMatchObject([
      { part: 0, type: 'image/png', size: 8, inline: true },
      { part: 1, size: 18, inline: false },
    ]);
    const html = await bench.get(`/messages/${id}/html`);
    expect(html.text).toContain(`<img src="data:image/png;base64,${png}">`);
    expect(html.headers.get('content-security-policy')).toMatch(
      /^sandbox allow-popups .*default-src 'none'; img-src data:;/,
    );
    const remote = await bench.get(`/messages/${id}/html?remote=true`);
    expect(remote.headers.get('content-security-policy')).toContain('img-src data: https: http:;');
    const file = await bench.get(`/messages/${id}/attachments/1`);
    expect(file.headers.get('content-disposition')).toMatch(
      /^attachment; filename="r_\.html"; filename\*=UTF-8''r%22%C3%A9/,
    );
    expect(file.headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
    expect((await bench.get(`/messages/${id}/attachments/2`)).status).toBe(404);
    expect((await bench.get(`/messages/${id}/raw`)).text).toMatch(/^Received: by mx\.example\.com[\s\S]*cid:logo/);
  });

  test('that are too large to be taken apart show their header, and their octets', async () => {
    const id = await submit({ text: 'x'.repeat(12_000_000) });
    const { json } = await bench.get(`/messages/${id}/content`);
    expect([json.partial, json.text, json.attachments]).toEqual([true, null, []]);
    expect(json.headers).toContainEqual({ name: 'Subject', value: 'Hello' });
    expect((await bench.get(`/messages/${id}/raw`)).text.length).toBeGreaterThan(12_000_000);
  });

  test('that take long to be taken apart hold up nothing, and end', async () => {
    const parts = `Content-Type: multipart/mixed; boundary=b\r\nSubject: x\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(700_000)}`;
    const url = '/api/v1/messages/raw?from=%3C%3E&to=bob@example.org';
    const sent = await bench.ask(url, { method: 'POST', headers: { 'content-type': 'message/rfc822' }, body: parts });
    const opened = bench.get(`/messages/${sent.json.id}/content`);
    let longest = 0;
    for (let over = false; !over; ) {
      const begun = performance.now();
      over = await Promise.race([opened.then(() => true), bench.get('/session').then(() => false)]);
      longest = Math.max(longest, performance.now() - begun);
    }
    expect((await opened).json.headers).toContainEqual({ name: 'Subject', value: 'x' });
    expect(longest).toBeLessThan(5_000);
  });

  test('that are malformed harm nothing', async () => {
    const nested = Array.from(
      { length: 300 },
      (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
    ).join('');
    for (const body of [
      `Subject: x\r\n${nested}`,
      'Content-Type: multipart/mixed; boundary="\r\n\r\n--\r\n',
      'no header at all',
      'A: b\r\n\r\n\u0001\u00ff',
    ]) {
      const url = '/api/v1/messages/raw?from=%3C%3E&to=bob@example.org';
      const { status, json } = await bench.ask(url, {
        method: 'POST',
        headers: { 'content-type': 'message/rfc822' },
        body,
      });
      expect(status, JSON.stringify(json)).toBe(201);
      expect((await bench.get(`/messages/${json.id}/content`)).status).toBe(200);
    }
  });
});

describe('actions', () => {
  test('count first where they are asked to, and then do it', async () => {
    const id = await submit();
    await submit({ to: 'carol@example.net' });
    const dry = await bench.post('/messages/hold', { all: true, dryRun: true });
    expect(dry.json).toEqual({ count: 2, dryRun: true, at: expect.any(Number) });
    expect((await bench.get('/messages/count?state=held')).json.count).toBe(0);
    await submit({ to: 'late@example.org' });
    const counted = { recipient: 'late@example.org', createdBefore: dry.json.at };
    expect((await bench.post('/messages/hold', { filter: counted, dryRun: true })).json.count).toBe(0);
    await bench.post('/messages/cancel', { filter: { recipient: 'late@example.org' } });
    expect((await bench.post('/messages/hold', { filter: { recipient: '@example.org' } })).json.count).toBe(1);
    expect((await bench.post('/messages/release', { ids: [id] })).json.count).toBe(1);
    expect((await bench.post('/messages/cancel', { ids: [id] })).json.count).toBe(1);
    expect((await bench.post('/messages/cancel', { ids: [id] })).json.count).toBe(0);
    expect((await bench.post('/messages/retry', { ids: [id] })).json.count).toBe(1);
    expect(
      bench.log.events
        .filter(({ event }) => event.startsWith('admin: '))
        .map(({ event, fields }) => [event, fields.by]),
    ).toEqual(
      ['hold', 'hold', 'cancel', 'hold', 'release', 'cancel', 'cancel', 'retry'].map((name) => [
        `admin: ${name}`,
        'local',
      ]),
    );
  });

  test('reroute to a relay that is there', async () => {
    await submit();
    const strange = await bench.post('/messages/reroute', { all: true, to: 'nowhere' });
    expect([strange.status, strange.json.code]).toEqual([404, 'NOT_FOUND']);
    await bench.app.store.noteRelay('other', Date.now());
    expect((await bench.post('/messages/reroute', { all: true, to: 'other', dryRun: true })).json.count).toBe(1);
    expect((await bench.post('/messages/reroute', { all: true, to: 'other' })).json.count).toBe(1);
    expect((await bench.get('/messages?relay=other')).json.rows).toHaveLength(1);
  });

  test('need ids, a filter that says something, or all, and nothing else', async () => {
    for (const body of [
      {},
      { ids: [] },
      { ids: ['x'] },
      { filter: {}, ids: ['0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11'] },
      { filter: { stat: 'held' } },
      { all: true, force: true },
      { all: false },
      { all: true, filter: { tag: 'x' } },
      // What is left of { tag: undefined }.
      { filter: {} },
      [],
      null,
      'x',
    ]) {
      const { status, json } = await bench.post('/messages/cancel', body);
      expect([status, json.code], JSON.stringify(body)).toEqual([400, 'OPTION_INVALID']);
    }
  });
});

describe('submission', () => {
  test('answers a key that comes again with the first message, and another content with 409', async () => {
    const mail = { from: 'a@example.com', to: 'bob@example.org', subject: 'Once', text: 'x' };
    const key = { 'idempotency-key': 'order-7' };
    const first = await bench.post('/messages', mail, key);
    const again = await bench.post('/messages', mail, key);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.json).toMatchObject({ id: first.json.id, duplicate: true, messageId: first.json.messageId });
    const other = await bench.post('/messages', { ...mail, text: 'y' }, key);
    expect([other.status, other.json]).toMatchObject([409, { code: 'KEY_CONFLICT', id: first.json.id }]);
    expect((await bench.get('/messages/count')).json.count).toBe(1);
  });

  test('keeps a whole message with its envelope', async () => {
    const message = 'From: ann@example.com\r\nSubject: Raw\r\n\r\nbody\r\n';
    const init = { method: 'POST', headers: { 'content-type': 'message/rfc822' }, body: message };
    const { status, json } = await bench.ask(
      '/api/v1/messages/raw?from=ann@example.com&to=a@example.org,b@example.org',
      init,
    );
    expect([status, json.accepted]).toEqual([201, ['a@example.org', 'b@example.org']]);
    expect((await bench.get(`/messages/${json.id}/raw`)).text).toMatch(/\r\nSubject: Raw\r\n[\s\S]*\r\n\r\nbody\r\n$/);
  });

  test('takes each recipient of a whole message, however many parameters name them', async () => {
    const body = { method: 'POST', headers: { 'content-type': 'message/rfc822' }, body: 'Subject: x\r\n\r\nx\r\n' };
    const url = '/api/v1/messages/raw?from=ann@example.com';
    const kept = await bench.ask(`${url}&to=a@example.org&to=b@example.org,c@example.org`, body);
    expect([kept.status, kept.json.accepted]).toEqual([201, ['a@example.org', 'b@example.org', 'c@example.org']]);
    const twice = await bench.ask(`${url}&from=eve@example.com&to=a@example.org`, body);
    expect([twice.status, twice.json.errors]).toEqual([400, [{ path: 'from', message: 'is given more than once' }]]);
  });

  test('sends a message once more to others, as many as a message may have', async () => {
    const id = await submit({ options: { held: true } });
    const to = Array.from({ length: 1_000 }, (_, n) => `somebody.with.a.name.${n}@example.org`);
    const sent = await bench.post(`/messages/${id}/resend`, { to }, { 'idempotency-key': 'again' });
    expect([sent.status, sent.json.accepted.length]).toEqual([201, 1_000]);
    const fresh = (await bench.get(`/messages/${sent.json.id}`)).json;
    expect([fresh.message.sender, fresh.message.subject]).toEqual(['ann@example.com', 'Hello']);
    const [before, after] = await Promise.all([id, sent.json.id].map((each) => bench.get(`/messages/${each}/raw`)));
    expect(after?.text.endsWith(before?.text ?? 'none')).toBe(true);
    expect((await bench.post(`/messages/${id}/resend`, { to }, { 'idempotency-key': 'again' })).status).toBe(200);
    const report = await bench.post(`/messages/${id}/resend`, { from: '<>', to: ['a@example.org'] });
    expect((await bench.get(`/messages/${report.json.id}`)).json.message.sender).toBeNull();
    for (const body of [{}, { to: [] }, { to: ['a b'] }, { to: ['a@example.org'], subject: 'x' }])
      expect((await bench.post(`/messages/${id}/resend`, body)).status, JSON.stringify(body)).toBe(400);
    const missing = '/messages/0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11/resend';
    expect((await bench.post(missing, { to: ['a@example.org'] })).status).toBe(404);
  });

  test('says in the codes of the library what is wrong', async () => {
    const cases = [
      [{ to: [] }, 400, 'OPTION_INVALID'],
      [{ to: undefined }, 400, 'NO_RECIPIENTS'],
      [{ to: 'bob@example..org' }, 400, 'ADDRESS_INVALID'],
      [{ options: { relay: 'nowhere' } }, 400, 'OPTION_INVALID'],
    ] as const;
    for (const [mail, status, code] of cases) {
      const answer = await bench.post('/messages', { from: 'a@example.com', to: 'b@example.org', text: 'x', ...mail });
      expect([answer.status, answer.json.code], JSON.stringify(mail)).toEqual([status, code]);
    }
  });
});

describe('relays', () => {
  test('are shown as they stand, stopped with the name of who did it, and let go on', async () => {
    expect((await bench.get('/relays')).json.relays).toMatchObject([{ name: 'default', standing: 'fine' }]);
    expect((await bench.post('/relays/default/pause')).status).toBe(200);
    expect((await bench.get('/relays')).json.relays).toMatchObject([{ standing: 'paused', pausedBy: 'local' }]);
    expect((await bench.get('/status')).json.problems).toContainEqual({
      level: 'warning',
      text: expect.stringMatching(/relay default has been paused by local/),
    });
    expect((await bench.post('/relays/default/resume')).status).toBe(200);
    expect((await bench.get('/relays')).json.relays).toMatchObject([{ standing: 'fine', pausedAt: null }]);
    expect((await bench.post('/relays/nowhere/pause')).status).toBe(404);
  });

  test('show no password', async () => {
    await using other = await AdminBench.open({ relay: 'smtp://user:hunter2@relay.example.com:587' });
    const { text, json } = await other.get('/relays');
    expect(json.relays[0].url).toContain('relay.example.com');
    expect(text).not.toContain('hunter2');
  });
});

test('suppressions are added, looked up, listed in pages and taken out', async () => {
  const entries = [
    { target: 'Bob@Example.org', reason: 'asked us' },
    { target: '@spam.example', until: null },
  ];
  expect((await bench.post('/suppressions', { entries })).json).toEqual({ count: 2 });
  expect((await bench.get('/suppressions/lookup?address=x@spam.example')).json.entry).toMatchObject({
    target: '@spam.example',
  });
  const page = (await bench.get('/suppressions?limit=1')).json;
  const next = (await bench.get(`/suppressions?limit=1&cursor=${encodeURIComponent(page.cursor)}`)).json;
  expect([...page.rows, ...next.rows].map(({ target }) => target)).toEqual(['@spam.example', 'bob@example.org']);
  for (const [search, count] of [
    ['BOB@', 1],
    ['example', 2],
    ['%', 0],
  ] as const)
    expect((await bench.get(`/suppressions?search=${encodeURIComponent(search)}`)).json.rows, search).toHaveLength(
      count,
    );
  const bad = await bench.post('/suppressions', { entries: [{ target: 'fine@example.org' }, { target: 'nonsense' }] });
  expect([bad.status, bad.json.code]).toEqual([400, 'SUPPRESSION_INVALID']);
  expect((await bench.post('/suppressions/remove', { targets: ['bob@example.org', 'x@y.example'] })).json).toEqual({
    count: 1,
  });
});

test('the status says what is wrong first, and the flow counts what came and went', async () => {
  await submit();
  const status = (await bench.get('/status')).json;
  expect(status).toMatchObject({
    level: 'critical',
    problems: [{ text: expect.stringMatching(/no worker/) }],
    states: { queued: 1 },
  });
  const { spans: months } = (await bench.get('/flow?span=month')).json;
  expect(months.at(-1).oldest, 'of what was submitted just now').toBeLessThan(120_000);
  await bench.post('/messages/cancel', { all: true });
  for (const span of ['hour', 'day', 'week', 'month']) {
    const { spans, widthMs } = (await bench.get(`/flow?span=${span}`)).json;
    expect(spans.at(-1), span).toMatchObject({ accepted: 1, cancelled: 1, sent: 0 });
    expect(spans.at(-1).at % widthMs).toBe(0);
    expect(spans.length).toBeGreaterThan(40);
  }
  expect((await bench.get('/nodes')).json).toEqual({ nodes: [] });
});

test('the OpenAPI document describes every route, and resolves', async () => {
  const { json } = await bench.get('/openapi.json');
  expect(json.openapi).toBe('3.1.0');
  const operations = Object.values(json.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
    (path) => Object.values(path),
  );
  const names = operations.map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain('postMessagesRetry');
  const list = json.paths['/api/v1/messages'].get;
  expect(list.parameters).toContainEqual(
    expect.objectContaining({ name: 'state', in: 'query', required: false, explode: false }),
  );
  expect(json.paths['/api/v1/messages/{id}'].get.parameters).toMatchObject([
    { name: 'id', in: 'path', required: true },
  ]);
  expect(json.paths['/api/v1/messages/retry'].post['x-role']).toBe('operator');
});
