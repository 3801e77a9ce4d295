/** What strangers, other web pages and hostile messages try on the admin's HTTP. */
import { afterEach, describe, expect, test } from 'vitest';
import { hashPassword } from '../../src/submission/smtp/users.ts';
import { AdminBench } from '../support/admin.ts';

let bench: AdminBench;

afterEach(() => bench?.[Symbol.asyncDispose]());

const ID = '0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11';

/** `fetch` lets nobody choose the Host. */
async function withHost(host: string, path = '/api/v1/status'): Promise<string> {
  const answer = await bench.speak(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  return answer.split(' ')[1] as string;
}

describe('a web page in the browser of somebody who may reach it', () => {
  test('cannot use a name of its own that was turned to this address', async () => {
    bench = await AdminBench.open({ adminHosts: 'queue.example.net' });
    for (const host of [
      'evil.example',
      `evil.example:${bench.port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evil.example.',
    ])
      expect(await withHost(host), host).toBe('421');
    for (const host of [
      'localhost',
      'LOCALHOST:1',
      '127.0.0.1',
      `[::1]:${bench.port}`,
      'mx.example.com',
      'queue.example.net:443',
    ])
      expect(await withHost(host), host).toBe('200');
    for (const host of ['a b', 'localhost/x', 'user@localhost', '', '[::1', 'localhost, evil.example'])
      expect(['400', '421'], host).toContain(await withHost(host));
  });

  test('of another site reads and changes nothing', async () => {
    bench = await AdminBench.open();
    const strangers = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${bench.port + 1}` },
      { origin: `http://localhost:${bench.port}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of strangers) {
      for (const answer of [
        await bench.get('/status', headers),
        await bench.post('/relays/default/pause', {}, headers),
      ]) {
        expect([answer.status, answer.json.code], JSON.stringify(headers)).toEqual([403, 'NOT_ALLOWED']);
        expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      }
    }
    expect((await bench.post('/relays/default/pause', {}, { 'sec-fetch-site': 'none' })).status).toBe(403);
    const link = 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: ';
    const follow = (dest: string): Promise<string> =>
      bench.speak(`GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${link}${dest}\r\n\r\n`);
    expect(await follow('document')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await follow('iframe')).toMatch(/^HTTP\/1\.1 403 /);
    expect((await bench.get('/relays')).json.relays[0].pausedAt).toBeNull();
    const own = { origin: bench.origin, 'sec-fetch-site': 'same-origin' };
    expect((await bench.post('/relays/default/pause', {}, own)).status).toBe(200);
  });

  test('cannot act by a form, which needs no leave', async () => {
    bench = await AdminBench.open();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '']) {
      const init = { method: 'POST', headers: type === '' ? {} : { 'content-type': type }, body: '{"filter":{}}' };
      expect((await bench.ask('/api/v1/messages/cancel', init)).status, type).toBe(415);
    }
    const preflight = await bench.ask('/api/v1/messages/cancel', { method: 'OPTIONS' });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([405, null]);
  });

  test('changes nothing by GET', async () => {
    bench = await AdminBench.open();
    for (const path of [
      '/messages/cancel',
      '/messages/retry',
      '/relays/default/pause',
      '/suppressions/remove',
      '/messages/raw',
    ])
      expect([400, 405], path).toContain((await bench.get(path)).status);
    expect((await bench.get('/relays')).json.relays[0].pausedAt).toBeNull();
  });

  test('can neither frame an answer nor make it run', async () => {
    bench = await AdminBench.open();
    for (const path of ['/api/v1/status', '/api/v1/messages/x', '/nothing', '/api/v1/openapi.json']) {
      const { headers } = await bench.ask(path);
      expect(headers.get('content-security-policy'), path).toMatch(/default-src 'none'; frame-ancestors 'none'/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });
});

describe('a stranger', () => {
  test('gets nowhere by paths', async () => {
    bench = await AdminBench.open();
    const paths = [
      '/../../etc/passwd',
      '/api/v1/../../../etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/api/v1/messages/..%2f..%2fetc%2fpasswd',
      '//evil.example/',
      '/api/v1/messages/%00',
      '/api/v1/messages/%ff',
      '/api/v1/messages/%E0%A4%A',
      '/livez/../api/v1/status/../x',
      '/.env',
      '/api/v1/__proto__',
      '/api/v1/messages/constructor',
    ];
    for (const path of paths) {
      const answer = await bench.speak(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect(answer, path).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).not.toContain('root:');
    }
  });

  test('injects nothing by ids, filters, cursors, names and keys', async () => {
    bench = await AdminBench.open();
    const nasty = [
      "' OR 1=1 --",
      '1;DROP TABLE posthaste_messages',
      '../x',
      '%',
      '*',
      '\u0000',
      'a\r\nSet-Cookie: x=y',
      '__proto__',
      '{}',
      '-1',
      '1e9',
      '🦄'.repeat(300),
    ];
    for (const text of nasty) {
      const value = encodeURIComponent(text);
      expect((await bench.get(`/messages/${value}`)).status, text).toBe(400);
      expect([400, 404], text).toContain((await bench.post(`/relays/${value}/pause`)).status);
      for (const name of ['recipient', 'sender', 'subject', 'tag', 'relay', 'cursor', 'messageId']) {
        const answer = await bench.get(`/messages?${name}=${value}`);
        expect([200, 400], `${name} ${text}`).toContain(answer.status);
        if (answer.status === 200) expect(answer.json.rows).toEqual([]);
        expect(answer.headers.get('set-cookie')).toBeNull();
      }
    }
    for (const query of [
      'limit=0',
      'limit=501',
      'limit=x',
      'limit=1&limt=2',
      '__proto__=1',
      'state=',
      'state=gone',
      'createdAfter=-1',
      'deferred=1',
      'reports=false',
    ])
      expect((await bench.get(`/messages?${query}`)).status, query).toBe(400);
    expect((await bench.get('/messages/count')).json).toEqual({ count: 0 });
  });

  test('puts no header field, file or address into a message', async () => {
    bench = await AdminBench.open();
    const mail = { from: 'a@example.com', to: 'b@example.org', text: 'x' };
    const attempts = [
      { subject: 'x\r\nBcc: evil@example.net' },
      { to: 'b@example.org\r\nBcc: evil@example.net' },
      { headers: { 'X\r\nBcc': 'evil@example.net' } },
      { headers: { 'X-A': 'b\r\nBcc: evil@example.net' } },
      { headers: { 'X A': 'b' } },
      { attachments: [{ path: '/etc/passwd' }] },
      { attachments: [{ filename: 'x', href: 'http://127.0.0.1/' }] },
      { attachments: [{ filename: 'x', content: { path: '/etc/passwd' } }] },
      { attachments: [{ filename: 'a\r\nb', content: '' }] },
      { attachments: [{ contentType: 'text/html\r\nX: y', content: '' }] },
      { text: { path: '/etc/passwd' } },
      { html: { href: 'http://127.0.0.1/' } },
      { raw: { path: '/etc/passwd' } },
      { envelope: { from: 'x', to: ['y'] } },
      { disableFileAccess: false },
      { options: { key: 'x' } },
      { options: { reportOn: ID } },
    ];
    for (const attempt of attempts) {
      const { status, json } = await bench.post('/messages', { ...mail, ...attempt });
      expect([status, json.code], JSON.stringify(attempt)).toEqual([400, 'OPTION_INVALID']);
    }
    for (const key of ['', 'x'.repeat(256)])
      expect((await bench.post('/messages', mail, { 'idempotency-key': key })).status, key).toBe(400);
    expect((await bench.get('/messages/count')).json).toEqual({ count: 0 });
  });

  test('fills no memory with a body, announced or not', async () => {
    bench = await AdminBench.open({ maxMessageSize: 1_000_000 });
    const large = 'x'.repeat(1_100_000);
    expect((await bench.post('/messages/cancel', { filter: { tag: large } })).status).toBe(413);
    const raw = { method: 'POST', headers: { 'content-type': 'message/rfc822' } };
    const url = '/api/v1/messages/raw?from=a@example.com&to=b@example.org';
    const announced = await bench.ask(url, { ...raw, body: `Subject: x\r\n\r\n${large}` });
    expect([announced.status, announced.json.code]).toEqual([413, 'REQUEST_TOO_LARGE']);
    const head =
      'POST /api/v1/messages/cancel HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    const chunk = `186a0\r\n${'x'.repeat(100_000)}\r\n`;
    expect(await bench.speak(head + chunk.repeat(11))).toMatch(/^HTTP\/1\.1 413 /);
    expect((await bench.get('/messages/count')).json).toEqual({ count: 0 });
  });

  test('who sends a header slowly loses the connection', async () => {
    bench = await AdminBench.open();
    expect(await bench.speak('GET /api/v1/status HTTP/1.1\r\nHost: local')).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('learns nothing of a fault within', async () => {
    bench = await AdminBench.open();
    await bench.app.close();
    const { status, text } = await bench.get('/messages');
    expect([500, 503]).toContain(status);
    expect(text).not.toMatch(/sqlite|\.ts|\/tmp/i);
  });
});

describe('with users', () => {
  const open = async (): Promise<void> => {
    const hash = await hashPassword('correct horse');
    bench = await AdminBench.open({ adminUsers: `ann:${hash}`, adminViewers: 'vera:watch' });
  };
  const basic = (name: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
  });
  const login = (name: string, password: string, headers = {}) => bench.post('/session', { name, password }, headers);

  test('nothing is shown and nothing done without a login, and no browser is asked for one', async () => {
    await open();
    for (const path of [
      '/status',
      '/messages',
      `/messages/${ID}`,
      `/messages/${ID}/raw`,
      '/relays',
      '/nodes',
      '/flow',
      '/suppressions',
    ]) {
      const answer = await bench.get(path);
      expect([answer.status, answer.json.code], path).toEqual([401, 'LOGIN_REQUIRED']);
      expect(answer.headers.get('www-authenticate')).toBeNull();
    }
    for (const path of ['/messages', '/messages/cancel', '/relays/default/pause', '/suppressions'])
      expect((await bench.post(path)).status, path).toBe(401);
    expect((await bench.get('/session')).json).toMatchObject({ name: null, role: null, login: 'password' });
  });

  test('a session is a cookie that scripts and other sites never see, and that ends', async () => {
    await open();
    const answer = await login('ann', 'correct horse');
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^posthaste_session_\d+=[\w-]+\.[\w-]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    const session = { cookie: cookie.split(';')[0] as string };
    expect((await bench.get('/session', session)).json).toMatchObject({ name: 'ann', role: 'operator' });
    expect((await bench.post('/relays/default/pause', {}, session)).status).toBe(200);
    expect((await bench.get('/relays', session)).json.relays[0].pausedBy).toBe('ann');
    await bench.ask('/api/v1/session', { method: 'DELETE', headers: session });
    expect((await bench.get('/status', session)).status).toBe(401);
    const safe = await login('ann', 'correct horse', { origin: `https://127.0.0.1:${bench.port}` });
    expect(safe.headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  test('a forged session is none', async () => {
    await open();
    const cookie = ((await login('vera', 'watch')).headers.get('set-cookie') ?? '').split(';')[0] as string;
    const [text = '', signature = ''] = cookie.slice(cookie.indexOf('=') + 1).split('.');
    const forged = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(text, 'base64url').toString()), name: 'ann' }),
    ).toString('base64url');
    for (const value of [
      `${forged}.${signature}`,
      `${forged}.`,
      forged,
      `${text}.${signature}x`,
      `${text}.${signature.slice(1)}`,
      '.',
      'null',
      '{}',
    ]) {
      expect((await bench.get('/status', { cookie: `posthaste_session_${bench.port}=${value}` })).status, value).toBe(
        401,
      );
    }
    expect((await bench.get('/status', { cookie })).status).toBe(200);
  });

  test('a session is not that of another server on the same host, and behind a proxy it needs no port', async () => {
    await open();
    await using other = await AdminBench.open({ adminUsers: 'ann:other' });
    const own = (await login('ann', 'correct horse')).headers.get('set-cookie') ?? '';
    const theirs = (await other.post('/session', { name: 'ann', password: 'other' })).headers.get('set-cookie') ?? '';
    // As a browser keeps them: by their names, for all ports.
    const jar = new Map([own, theirs].map((each) => [each.split('=')[0], each.split(';')[0]]));
    const cookie = [...jar.values()].join('; ');
    for (const server of [bench, other]) expect((await server.get('/session', { cookie })).json.name).toBe('ann');
    const body = JSON.stringify({ name: 'ann', password: 'correct horse' });
    const head = `Host: mx.example.com\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
    const answer = await bench.speak(`POST /api/v1/session HTTP/1.1\r\n${head}\r\n\r\n${body}`);
    expect(answer).toMatch(/^set-cookie: posthaste_session=/im);
  });

  test('a viewer looks and changes nothing', async () => {
    await open();
    const vera = basic('vera', 'watch');
    expect((await bench.get('/status', vera)).status).toBe(200);
    for (const path of [
      '/messages',
      '/messages/cancel',
      '/messages/retry',
      '/messages/hold',
      '/messages/release',
      '/messages/reroute',
      '/messages/raw',
      `/messages/${ID}/resend`,
      '/relays/default/pause',
      '/relays/default/resume',
      '/suppressions',
      '/suppressions/remove',
    ]) {
      const { status, json } = await bench.post(path, {}, vera);
      expect([status, json.code], path).toEqual([403, 'NOT_ALLOWED']);
    }
  });

  test('who guesses passwords is slowed down, and keeps nobody out who is known', async () => {
    await open();
    expect((await bench.get('/status', basic('ann', 'correct horse'))).status).toBe(200);
    const answers: number[] = [];
    for (let i = 0; i < 8; i++) answers.push((await login('vera', `guess ${i}`)).status);
    expect(answers).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    const refused = await login('vera', 'watch');
    expect([refused.status, refused.json.code]).toEqual([429, 'TOO_MANY_TRIES']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(bench.log.count('login refused')).toBe(5);
    expect(JSON.stringify(bench.log.events)).not.toContain('guess');
    expect((await login('ann', 'correct horse')).status).toBe(200);
  });

  test('who has a login of their own guesses those of others no faster, also of who is known there', async () => {
    await open();
    await login('ann', 'correct horse');
    const answers: number[] = [];
    for (let i = 0; i < 8; i++) {
      answers.push((await login('ann', `guess ${i}`)).status);
      expect((await login('vera', 'watch')).status).toBe(200);
    }
    expect(answers).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    expect((await login('ann', 'correct horse')).status).toBe(429);
  });

  test('own mistakes are forgotten by a login, those of others from there are not', async () => {
    await open();
    for (let i = 0; i < 4; i++) await login('vera', `mistake ${i}`);
    await login('vera', 'watch');
    const answers: number[] = [];
    for (let i = 0; i < 7; i++) answers.push((await login(`stranger ${i}`, 'x')).status);
    expect(answers).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect((await login('vera', 'watch')).status).toBe(200);
    expect((await login('ann', 'correct horse')).status).toBe(429);
  });

  test('many requests at once with the right password are all answered', async () => {
    await open();
    const all = Array.from({ length: 30 }, () => bench.get('/status', basic('ann', 'correct horse')));
    expect(new Set((await Promise.all(all)).map(({ status }) => status))).toEqual(new Set([200]));
  });

  test('many guesses at once are no more than one after the other, but for those under way', async () => {
    await open();
    const all = await Promise.all(Array.from({ length: 150 }, (_, i) => login('ann', `guess ${i}`)));
    const tried = all.filter(({ status }) => status === 401).length;
    expect(tried).toBeGreaterThanOrEqual(5);
    expect(tried).toBeLessThanOrEqual(8);
    expect(all.filter(({ status }) => status === 429)).toHaveLength(150 - tried);
  });

  test('names and passwords of any form are only wrong', async () => {
    await open();
    for (const [name, password] of [
      ['__proto__', 'x'],
      ['constructor', ''],
      ['', ''],
      ['ann', 'x'.repeat(5_000)],
    ] as const)
      expect((await login(name, password)).status, name).toBe(401);
  });
});
