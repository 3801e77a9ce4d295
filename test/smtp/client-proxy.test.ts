/** The way out through a proxy: SOCKS5 and CONNECT, with and without login, and what people read when it does not let them through. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SmtpOptions } from '../../src/transport/smtp/options.ts';
import { parseProxyUrl, Tunnel } from '../../src/transport/smtp/proxy.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import { Certificates } from '../relay/certificates.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { content, kinds, never, toOne } from './client/mail.ts';
import { type ProxyBehaviour, TestProxy } from './client/proxies.ts';

let relay: ScriptedRelay;
let proxy: TestProxy;
let transport: SmtpTransport;

beforeEach(async () => {
  relay = await startRelay();
});

async function open(
  kind: 'socks5' | 'http',
  behaviour: ProxyBehaviour,
  login = '',
  more: Partial<SmtpOptions> = {},
): Promise<void> {
  proxy = await new TestProxy(kind, { names: { 'mail.example': relay.port }, ...behaviour }).listen();
  transport = new SmtpTransport({ host: 'mail.example', port: 587, proxy: proxy.url(login), ...more });
}

afterEach(async () => {
  const closed = transport.close();
  await proxy.close();
  await relay.close();
  await closed;
});

const send = (): ReturnType<SmtpTransport['send']> => transport.send(toOne, content(), never);

describe.each(['socks5', 'http'] as const)('a %s proxy', (kind) => {
  test('passes mail on, and is given the name of the relay, not its address', async () => {
    await open(kind, {});
    expect(kinds(await send())).toEqual(['sent']);
    expect(proxy.targets).toEqual(['mail.example:587']);
    expect(relay.received).toHaveLength(1);
  });

  test('is logged in to', async () => {
    await open(kind, { user: 'me', password: 'p:w/ü' }, 'me:p%3Aw%2F%C3%BC@');
    expect(kinds(await send())).toEqual(['sent']);
  });

  test.each([
    ['wants a login', ''],
    ['refused user and password', 'me:wrong@'],
  ])('that %s is a fault of the relay', async (said, login) => {
    await open(kind, { user: 'me', password: 'right' }, login);
    const [outcome] = await send();
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { status: '4.4.1' } });
    expect(outcome?.reply.text).toContain(said);
    expect(outcome?.reply.text).toContain(`mail.example:587 through the proxy 127.0.0.1:${proxy.port}`);
    expect(outcome?.reply.text).not.toContain('wrong');
  });

  test('that cannot reach the relay says so', async () => {
    await open(kind, { names: { 'mail.example': 1 } });
    const [outcome] = await send();
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay' });
    expect(outcome?.reply.text).toMatch(/refused the connection|502 Bad Gateway/);
  });

  test.each([
    ['nonsense', Buffer.from('220 I am no proxy\r\n\r\n')],
    ['without end', Buffer.alloc(20_000, 'x')],
  ])('that talks %s is given up', async (_name, refusal) => {
    await open(kind, { refusal });
    expect(await send()).toMatchObject([{ kind: 'deferred', scope: 'relay', reply: { status: '4.4.1' } }]);
  });

  test('carries TLS with the relay, whose name is verified', async () => {
    const certificates = new Certificates();
    const { key, cert } = certificates.signed('good');
    const secure = await startRelay({ tls: { key, cert } });
    try {
      const names = { 'relay.example': secure.port };
      await open(kind, { names }, '', { host: 'relay.example', tls: 'verified', ca: certificates.ca });
      expect(kinds(await send())).toEqual(['sent']);
      expect(secure.connections[0]?.encrypted).toBe(true);
    } finally {
      await transport.close();
      await secure.close();
      certificates.remove();
    }
  });

  test('makes "localhost" somebody else\'s machine: no password goes there in clear', async () => {
    await open(kind, { names: { localhost: relay.port } }, '', {
      host: 'localhost',
      credentials: { user: 'u', password: 'p' },
    });
    expect((await send())[0]?.reply.text).toMatch(/offers no STARTTLS/);
  });
});

test('a proxy that is not there is named', async () => {
  await open('socks5', {});
  transport = new SmtpTransport({ host: 'mail.example', port: 587, proxy: 'socks5://127.0.0.1:1' });
  expect((await send())[0]?.reply.text).toMatch(/mail\.example:587 through the proxy 127\.0\.0\.1:1 refused/);
});

describe('the dialogue with a proxy', () => {
  beforeEach(() => open('socks5', {}));

  test.each([
    ['192.0.2.1', [1, 192, 0, 2, 1]],
    ['2001:db8::1', [4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ['::ffff:192.0.2.1', [4, ...Array(10).fill(0), 0xff, 0xff, 192, 0, 2, 1]],
    ['::', [4, ...Array(16).fill(0)]],
    ['ab.c', [3, 4, 97, 98, 46, 99]],
  ])('writes %s as SOCKS5 does', (host, address) => {
    const tunnel = new Tunnel(parseProxyUrl('socks5://p'), { host, port: 587 });
    expect([...tunnel.opening]).toEqual([5, 1, 0]);
    const asked = tunnel.receive(Buffer.from([5, 0]));
    expect(asked).toEqual({ write: Buffer.from([5, 1, 0, ...address, 2, 75]) });
  });

  test.each([
    ['socks5://u:p@h', Buffer.from([5, 2, 1, 0, 5, 0, 0, 3, 2, 97, 98, 0, 1])],
    ['http://u:p@h', Buffer.from('HTTP/1.0 200 ok\r\nx: y\r\n\r\n')],
  ])('goes the same however its octets are split: %s', (url, octets) => {
    const greeting = Buffer.from('220 hi\r\n');
    const all = Buffer.concat([octets, greeting]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 8 })), (sizes) => {
        const tunnel = new Tunnel(parseProxyUrl(url), { host: 'h', port: 25 });
        let rest: Buffer | undefined;
        for (let from = 0; from < all.length; ) {
          const piece = all.subarray(from, from + (sizes.shift() ?? 100));
          from += piece.length;
          const answer = rest === undefined ? tunnel.receive(piece) : { rest: piece };
          if ('rest' in answer) rest = Buffer.concat([rest ?? Buffer.alloc(0), answer.rest]);
        }
        expect(rest).toEqual(greeting);
      }),
      { numRuns: 100 },
    );
  });

  test.each(['ftp://h', 'h:1080', 'socks5://', 'http://h/path', 'socks4://h', 'http://%zz@h'])(
    'begins with a URL that can be read: %s',
    (url) => {
      expect(() => parseProxyUrl(url)).toThrow(/proxy/);
    },
  );
});
