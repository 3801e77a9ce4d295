/** Logins at a server that is not ours: a private Postfix that asks a private Dovecot. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oauthCredentials } from '../../src/transport/smtp/oauth.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import { Certificates } from '../relay/certificates.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { content, kinds, never, toOne } from '../smtp/client/mail.ts';
import { submitOne } from '../support/load.ts';
import { LoginServer, loginServerFault, PASSWORD, USER } from '../support/postfix.ts';
import { posthaste, serve, temporaryFolder } from '../support/posthaste.ts';

const fault = loginServerFault();
if (fault !== undefined && process.env.CI === 'true') throw new Error(`${fault}, and CI must run its tests`);
if (fault !== undefined) console.warn(`\n*** SKIPPED: ${fault}, the tests of logins at a real server do not run ***\n`);

const certificates = new Certificates();
afterAll(() => certificates.remove());
const certificate = certificates.selfSigned('relay.example');

/** Behind Postfix. */
const received = (relay: ScriptedRelay): readonly string[] => relay.received.flatMap(({ recipients }) => recipients);
const url = (port: number, password: string): string =>
  `smtp://${USER}:${encodeURIComponent(password)}@127.0.0.1:${port}`;

const MECHANISMS = ['PLAIN', 'LOGIN', 'CRAM-MD5'];

describe.skipIf(fault !== undefined)('a server that offers', () => {
  let next: ScriptedRelay;
  let server: LoginServer;
  beforeAll(async () => {
    next = await startRelay();
    server = await LoginServer.start(MECHANISMS, certificate, next.port);
    // Two servers, on a machine that may have other work.
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await next.close();
  });

  test.each(MECHANISMS)(
    '%s lets the transport, the check and a message in; a wrong password pauses the relay and bounces nothing',
    async (mechanism) => {
      using data = temporaryFolder();
      const port = server.ports.get(mechanism) as number;
      const before = next.received.length;
      await transportLogsIn(port, mechanism);
      await next.until(() => next.received.length === before + 1);

      const good = await posthaste(data.path, 'check', '--relay', url(port, PASSWORD));
      expect(good.stdout).toMatch(/ok +relay /);
      expect(good.code, good.stdout + good.stderr).toBe(0);
      const bad = await posthaste(data.path, 'check', '--relay', url(port, 'wrong'));
      expect(bad.stdout).toMatch(/FAIL +relay .*535/);
      expect(bad.code).toBe(1);

      await wrongPasswordWaits(data.path, port);
      expect(next.received).toHaveLength(before + 1);
      await rightPasswordSends(data.path, port);
      await next.until(() => next.received.length === before + 2);
      expect(received(next).slice(before)).toEqual(['rcpt@example.com', 'user@example.com']);
      // Half a dozen processes, on a machine that may have other work.
    },
    180_000,
  );
});

/** Gives access tokens, and says which of them are good. */
class TokenServer implements AsyncDisposable {
  readonly given: string[] = [];
  readonly good = new Set<string>();
  /** Those that it gives are good. */
  trusts = true;
  readonly #server: Server;

  static async start(): Promise<TokenServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TokenServer(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', async (request, response) => {
      const form = new URLSearchParams(Buffer.concat(await Array.fromAsync(request)).toString());
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(request.url === '/token' ? this.#give() : this.#judge(form.get('token') ?? '')));
    });
  }

  at(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  #give(): object {
    const token = `token-${this.given.length + 1}`;
    this.given.push(token);
    if (this.trusts) this.good.add(token);
    return { access_token: token, token_type: 'Bearer', expires_in: 3600 };
  }

  #judge(token: string): object {
    return this.good.has(token) ? { active: true, username: USER } : { active: false };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const TOKEN_MECHANISMS = ['XOAUTH2', 'OAUTHBEARER'];

describe.skipIf(fault !== undefined)('a server that takes access tokens by', () => {
  let next: ScriptedRelay;
  let tokens: TokenServer;
  let server: LoginServer;
  beforeAll(async () => {
    next = await startRelay();
    tokens = await TokenServer.start();
    server = await LoginServer.start(TOKEN_MECHANISMS, certificate, next.port, tokens.at('/judge'));
  }, 180_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await tokens[Symbol.asyncDispose]();
    await next.close();
  });

  function open(mechanism: string): SmtpTransport {
    const grant = { user: USER, clientId: 'posthaste', refreshToken: 'refresh', tokenUrl: tokens.at('/token') };
    const way = {
      host: '127.0.0.1',
      port: server.ports.get(mechanism) as number,
      fingerprint: certificate.fingerprint,
    };
    return new SmtpTransport({ ...way, credentials: oauthCredentials(grant), maxMessages: 1 });
  }

  test.each(TOKEN_MECHANISMS)(
    '%s lets mail in, gets another token for one that is good no more, and bounces nothing where none is good',
    async (mechanism) => {
      tokens.trusts = true;
      const transport = open(mechanism);
      const before = next.received.length;
      const already = tokens.given.length;
      try {
        const report = await transport.verify(never);
        expect(report, JSON.stringify(report)).toMatchObject({ ok: true, login: mechanism });
        expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
        expect(tokens.given).toHaveLength(already + 1);

        tokens.good.clear();
        expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
        expect(tokens.given).toHaveLength(already + 2);
        await next.until(() => next.received.length === before + 2);

        tokens.good.clear();
        tokens.trusts = false;
        const [outcome] = await transport.send(toOne, content(), never);
        expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { code: 535 } });
        expect(next.received).toHaveLength(before + 2);
      } finally {
        await transport.close();
      }
    },
    180_000,
  );
});

async function transportLogsIn(port: number, mechanism: string): Promise<void> {
  const credentials = { user: USER, password: PASSWORD };
  const transport = new SmtpTransport({ host: '127.0.0.1', port, credentials, fingerprint: certificate.fingerprint });
  try {
    const report = await transport.verify(never);
    expect(report, JSON.stringify(report)).toMatchObject({ ok: true, login: mechanism });
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
  } finally {
    await transport.close();
  }
}

async function wrongPasswordWaits(dataDir: string, port: number): Promise<void> {
  const server = serve({ dataDir, relay: url(port, 'wrong') });
  const ready = await server.ready();
  expect(await submitOne(ready.port, ['user@example.com'], 'Subject: x\r\n\r\nx')).toMatch(/^250 /);
  const paused = await server.line((line) => line.msg.startsWith('relay fault'));
  expect(String(paused.reply)).toContain('535');
  await server.stop();
  const listed = await posthaste(dataDir, 'list', '--json', '--state', 'all');
  expect(JSON.parse(listed.stdout)).toMatchObject({ state: 'queued', attempts: 0 });
}

async function rightPasswordSends(dataDir: string, port: number): Promise<void> {
  const server = serve({ dataDir, relay: url(port, PASSWORD) });
  await server.line((line) => line.msg === 'sent');
  await server.stop();
}
