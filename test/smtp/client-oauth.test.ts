/** Logins with access tokens: a real token server, the relay that believes it, and what happens when either does not. */
import { createVerify, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/runtime/clock.ts';
import { type OAuthOptions, oauthCredentials, refreshTokenFile } from '../../src/transport/smtp/oauth.ts';
import type { SmtpOptions } from '../../src/transport/smtp/options.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import { dropAfterUsual } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { content, kinds, never, toOne } from './client/mail.ts';

/** Gives `token-1`, `token-2` ...; answers otherwise when it is told to. */
class TokenServer {
  readonly forms: URLSearchParams[] = [];
  /** What it gave, as the relay knows it. */
  readonly good = new Set<string>();
  answer: ((form: URLSearchParams) => { status: number; body: string } | undefined) | null = null;
  life: number | undefined = 3600;
  refreshToken: string | undefined;
  readonly #server: Server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const { status, body } = this.#reply(new URLSearchParams(text));
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
  });

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/token`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #reply(form: URLSearchParams): { status: number; body: string } {
    this.forms.push(form);
    const other = this.answer?.(form);
    if (other !== undefined) return other;
    const token = `token-${this.forms.length}`;
    this.good.add(token);
    const body = { access_token: token, token_type: 'Bearer', expires_in: this.life, refresh_token: this.refreshToken };
    return { status: 200, body: JSON.stringify(body) };
  }
}

const USER = 'me@example.com';
let server: TokenServer;
let relay: ScriptedRelay;
let transport: SmtpTransport;
let clock: ManualClock;
let folder: string;

beforeEach(async () => {
  server = await new TokenServer().listen();
  clock = new ManualClock(1_700_000_000_000);
  folder = await mkdtemp(join(tmpdir(), 'posthaste-oauth-'));
});

async function open(
  options: Partial<OAuthOptions> = {},
  more: Partial<SmtpOptions> = {},
  mechanism = 'XOAUTH2',
): Promise<void> {
  relay = await startRelay({ login: { user: USER, password: '', mechanisms: [mechanism], tokens: server.good } });
  transport = new SmtpTransport({
    host: relay.host,
    port: relay.port,
    credentials: provider(options),
    ...more,
  });
}

function provider(options: Partial<OAuthOptions> = {}): ReturnType<typeof oauthCredentials> {
  const usual = { user: USER, tokenUrl: server.url, clientId: 'client', clientSecret: 'secret' };
  const refreshToken = options.serviceAccount === undefined ? { refreshToken: 'refresh-0' } : {};
  return oauthCredentials({ ...usual, ...refreshToken, ...options }, clock);
}

afterEach(async () => {
  await transport?.close();
  await relay?.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const send = (): Promise<string[]> => transport.send(toOne, content(), never).then(kinds);

describe('a login with a token', () => {
  test.each(['XOAUTH2', 'OAUTHBEARER'])('by %s', async (mechanism) => {
    await open({}, {}, mechanism);
    expect(await send()).toEqual(['sent']);
    expect(relay.connections[0]?.user).toBe(USER);
    expect((await transport.verify(never)).login).toBe(mechanism);
  });

  test('that is longer than a command line waits for the relay to ask', async () => {
    server.answer = () => {
      const token = 'x'.repeat(2000);
      server.good.add(token);
      return { status: 200, body: JSON.stringify({ access_token: token }) };
    };
    await open();
    expect(await send()).toEqual(['sent']);
    expect(relay.connections[0]?.commands[1]).toBe('AUTH XOAUTH2');
  });

  test('asks the token server once for many connections', async () => {
    await open({}, { maxMessages: 1 });
    const many = await Promise.all(Array.from({ length: 10 }, send));
    expect(many.flat()).toEqual(Array(10).fill('sent'));
    expect(relay.connections.length).toBeGreaterThan(5);
    expect(server.forms).toHaveLength(1);
  });

  test('that the relay refuses is renewed once, on the same connection', async () => {
    await open();
    server.answer = () => {
      server.answer = null;
      return { status: 200, body: JSON.stringify({ access_token: 'revoked', expires_in: 3600 }) };
    };
    expect(await send()).toEqual(['sent']);
    expect(server.forms).toHaveLength(2);
    expect(relay.connections).toHaveLength(1);
    expect(relay.passed('auth')).toBe(2);
  });

  test('that is refused twice concerns the relay, and says what the relay said', async () => {
    await open();
    server.answer = () => ({ status: 200, body: JSON.stringify({ access_token: `bad-${server.forms.length}` }) });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { code: 535 } });
    expect(outcome?.reply.text).toContain('invalid_token');
    expect(outcome?.reply.text).not.toContain('bad-');
    expect(relay.passed('auth')).toBe(2);
  });

  test('keeps what a relay said that hangs up on a refused one', async () => {
    await open();
    server.answer = () => ({ status: 200, body: JSON.stringify({ access_token: 'bad' }) });
    relay.script = { auth: ['535 5.7.3 not you', dropAfterUsual] };
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay' });
    expect(outcome?.reply.text).toContain('not you');
  });
});

describe('a token', () => {
  test('is kept, and renewed five minutes before it ends', async () => {
    const ask = provider();
    expect(await ask()).toEqual({ user: USER, token: 'token-1' });
    clock.moveTo(clock.now() + 54 * 60_000);
    expect(await ask()).toMatchObject({ token: 'token-1' });
    clock.moveTo(clock.now() + 60_000);
    expect(await ask()).toMatchObject({ token: 'token-2' });
  });

  test('of a short life is renewed after half of it', async () => {
    server.life = 60;
    const ask = provider();
    await ask();
    clock.moveTo(clock.now() + 29_000);
    expect(await ask()).toMatchObject({ token: 'token-1' });
    clock.moveTo(clock.now() + 1_000);
    expect(await ask()).toMatchObject({ token: 'token-2' });
  });

  test('serves until it ends when the token server is down', async () => {
    const ask = provider();
    await ask();
    server.answer = () => ({ status: 503, body: '' });
    clock.moveTo(clock.now() + 59 * 60_000);
    expect(await ask()).toMatchObject({ token: 'token-1' });
    clock.moveTo(clock.now() + 60_000);
    await expect(ask()).rejects.toThrow(/HTTP 503/);
  });

  test('that cannot be had is a fault of the relay, told in words and without secrets', async () => {
    await open();
    server.answer = () => ({
      status: 400,
      body: '{"error":"invalid_grant","error_description":"Token has been\\nrevoked."}',
    });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { code: 451, status: '4.7.0' } });
    expect(outcome?.reply.text).toMatch(/invalid_grant: Token has been\\nrevoked.*authorize anew/);
    expect(outcome?.reply.text).not.toMatch(/secret|refresh-0/);
    expect(relay.passed('auth')).toBe(0);
    server.answer = null;
    expect(await send()).toEqual(['sent']);
  });

  test('that the token server repeats with a refusal is not told on', async () => {
    await open();
    server.answer = (form) => ({
      status: 400,
      body: JSON.stringify({ error: 'invalid_request', error_description: `bad ${form}` }),
    });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome?.reply.text).toMatch(/invalid_request: bad grant_type=refresh_token/);
    expect(outcome?.reply.text).toMatch(/refresh_token=\*\*\*/);
    for (const name of ['client_secret', 'refresh_token']) {
      const secret = server.forms[0]?.get(name) as string;
      expect(outcome?.reply.text).not.toContain(secret);
    }
  });

  test.each([
    ['a page', { status: 200, body: '<html>' }, /gave no token/],
    ['a redirection', { status: 302, body: '' }, /HTTP 302/],
    ['a token with a line end', { status: 200, body: '{"access_token":"a\\r\\nQUIT"}' }, /characters/],
    ['far too much', { status: 200, body: 'x'.repeat(100_000) }, /too long/],
  ])('is none where the server answers with %s', async (_name, answer, expected) => {
    server.answer = () => answer;
    await expect(provider()()).rejects.toThrow(expected);
  });

  test('is none where no server is', async () => {
    await expect(provider({ tokenUrl: 'http://127.0.0.1:1/token' })()).rejects.toThrow(
      /no answer from the token server/,
    );
  });
});

describe('the grant', () => {
  test('is that of a refresh token, which may be replaced', async () => {
    const path = join(folder, 'refresh');
    await writeFile(path, 'from-file\n');
    const ask = provider(refreshTokenFile(path));
    server.refreshToken = 'from-server';
    await ask();
    expect(Object.fromEntries(server.forms[0] ?? [])).toEqual({
      grant_type: 'refresh_token',
      client_id: 'client',
      client_secret: 'secret',
      refresh_token: 'from-file',
    });
    expect(await readFile(path, 'utf8')).toBe('from-server\n');
    clock.moveTo(clock.now() + 3_600_000);
    await ask();
    expect(server.forms[1]?.get('refresh_token')).toBe('from-server');
  });

  test('that cannot be written to its file serves in memory, until the file has another one', async () => {
    const path = join(folder, 'refresh');
    await writeFile(path, 'from-file\n');
    // In the place of the file that would replace it.
    await mkdir(`${path}.new`);
    const unkept: unknown[] = [];
    const ask = provider({ ...refreshTokenFile(path), onUnkept: (error) => unkept.push(error) });
    const asked = async (refreshToken: string): Promise<string | null | undefined> => {
      server.refreshToken = refreshToken;
      expect(await ask()).toMatchObject({ token: `token-${server.forms.length}` });
      clock.moveTo(clock.now() + 3_600_000);
      return server.forms.at(-1)?.get('refresh_token');
    };
    expect([await asked('first'), await asked('second'), await asked('third')]).toEqual([
      'from-file',
      'first',
      'second',
    ]);
    expect(unkept).toHaveLength(3);
    await writeFile(path, 'from-somebody\n');
    expect(await asked('fourth')).toBe('from-somebody');
  });

  test('is that of the client, with the scope of the provider', async () => {
    const options = {
      user: USER,
      clientId: 'client',
      clientSecret: 'secret',
      provider: 'microsoft',
      tenant: 't',
    } as const;
    await oauthCredentials({ ...options, tokenUrl: server.url }, clock)();
    expect(Object.fromEntries(server.forms[0] ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client',
      client_secret: 'secret',
      scope: 'https://outlook.office365.com/.default',
    });
  });

  test('is that of a service account, whose assertion is signed', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const serviceAccount = { email: 'robot@project.example', privateKey: pem };
    expect(await provider({ provider: 'google', serviceAccount })()).toMatchObject({ token: 'token-1' });
    const [head, claims, signature] = server.forms[0]?.get('assertion')?.split('.') ?? [];
    expect(JSON.parse(Buffer.from(claims ?? '', 'base64url').toString())).toEqual({
      iss: 'robot@project.example',
      sub: USER,
      scope: 'https://mail.google.com/',
      aud: server.url,
      iat: 1_700_000_000,
      exp: 1_700_003_600,
    });
    const verify = createVerify('RSA-SHA256').update(`${head}.${claims}`);
    expect(verify.verify(publicKey, signature ?? '', 'base64url')).toBe(true);
  });

  test.each([
    ['no provider', { clientId: 'c', refreshToken: 'r' }, /provider/],
    ['no client', { provider: 'google', refreshToken: 'r' }, /clientId/],
    ['nothing to prove oneself with', { provider: 'google', clientId: 'c' }, /refreshToken/],
    ['a client alone at Google', { provider: 'google', clientId: 'c', clientSecret: 's' }, /service accounts/],
    ['no directory', { provider: 'microsoft', clientId: 'c', clientSecret: 's' }, /tenant/],
    ['a token URL in clear', { tokenUrl: 'http://example.com/', clientId: 'c', refreshToken: 'r' }, /https/],
    ['no key', { provider: 'google', serviceAccount: { email: 'e', privateKey: 'x' } }, /privateKey/],
  ] as const)('needs more than %s', (_name, options, expected) => {
    expect(() => oauthCredentials({ user: USER, ...options } as OAuthOptions)).toThrow(expected);
  });
});
