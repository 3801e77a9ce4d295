/** Logins and TLS on the way to a relay, against real sockets and certificates made for the test. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SmtpOptions, TlsLevel } from '../../src/transport/smtp/options.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import { drop, inTurn, raw, usual, when } from '../relay/actions.ts';
import { type Certificate, Certificates } from '../relay/certificates.ts';
import { type ScriptedOptions, type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { content, kinds, never, toOne } from './client/mail.ts';

let certificates: Certificates;
/** For relay.example, from a CA of its own. */
let good: Certificate;
let selfSigned: Certificate;
let expired: Certificate;
let ca: string;

beforeAll(() => {
  certificates = new Certificates();
  ca = certificates.ca;
  good = certificates.signed('good');
  expired = certificates.signed('expired', '-1');
  selfSigned = certificates.selfSigned('self', '-addext', 'subjectAltName=DNS:relay.example');
});

afterAll(() => certificates.remove());

let relay: ScriptedRelay;
let transport: SmtpTransport;

async function open(relayOptions: ScriptedOptions, options: Partial<SmtpOptions> = {}): Promise<void> {
  relay = await startRelay(relayOptions);
  transport = new SmtpTransport({ host: relay.host, port: relay.port, servername: 'relay.example', ca, ...options });
}

afterEach(async () => {
  await transport.close();
  await relay.close();
});

const LOGIN = { user: 'me@example.com', password: 'pässword', mechanisms: ['PLAIN', 'LOGIN', 'CRAM-MD5'] };
const credentials = { user: LOGIN.user, password: LOGIN.password };

describe('a login', () => {
  test.each(['PLAIN', 'LOGIN', 'CRAM-MD5'])('by %s', async (mechanism) => {
    await open({ login: { ...LOGIN, mechanisms: [mechanism] } }, { credentials });
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
    expect(relay.connections[0]?.user).toBe(LOGIN.user);
  });

  test('happens once for many messages', async () => {
    await open({ login: LOGIN }, { credentials });
    for (let i = 0; i < 5; i++) await transport.send(toOne, content(), never);
    expect(relay.passed('auth')).toBe(1);
  });

  test('with a wrong password concerns the relay, and is tried once for all who wait', async () => {
    await open({ login: LOGIN }, { credentials: { ...credentials, password: 'wrong' } });
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => transport.send(toOne, content(), never)));
    for (const [outcome] of outcomes)
      expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { code: 535 } });
    expect(relay.passed('auth')).toBe(1);
  });

  test('that nobody asked for in clear text is not sent so', async () => {
    // Not 127.0.0.1, which counts as this machine; the name is resolved to it all the same.
    await open(
      { login: { ...LOGIN, mechanisms: ['PLAIN', 'LOGIN'] } },
      { credentials, tls: 'opportunistic', host: '0.0.0.0' },
    );
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { status: '4.7.0' } });
    expect(relay.connections[0]?.commands.some((command) => command.startsWith('AUTH'))).toBe(false);
  });

  test('goes in clear text where that is allowed', async () => {
    await open({ login: LOGIN }, { credentials, tls: 'none', host: '0.0.0.0', allowClearPassword: true });
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
  });
});

describe('TLS', () => {
  type Case = readonly [TlsLevel, string, () => ScriptedOptions, 'encrypted' | 'plain' | RegExp];
  const cases: readonly Case[] = [
    ['verified', 'a good certificate', () => ({ tls: good }), 'encrypted'],
    ['verified', 'a self-signed one', () => ({ tls: selfSigned }), /cannot be verified/],
    ['verified', 'an expired one', () => ({ tls: expired }), /expired/],
    ['verified', 'no STARTTLS', () => ({}), /offers no STARTTLS/],
    ['required', 'a self-signed certificate', () => ({ tls: selfSigned }), 'encrypted'],
    ['required', 'no STARTTLS', () => ({}), /offers no STARTTLS/],
    ['opportunistic', 'a self-signed certificate', () => ({ tls: selfSigned }), 'encrypted'],
    ['opportunistic', 'no STARTTLS', () => ({}), 'plain'],
    ['opportunistic', 'a broken handshake', () => ({ tls: good, script: { tls: drop } }), /^TLS with /],
    ['none', 'a good certificate', () => ({ tls: good }), 'plain'],
  ];

  test.each(cases)('%s, and %s', async (tls, _name, relayOptions, expected) => {
    await open(relayOptions(), { tls });
    const [outcome] = await transport.send(toOne, content(), never);
    if (expected instanceof RegExp) {
      expect(outcome).toMatchObject({
        kind: 'deferred',
        scope: 'relay',
        reply: { status: '4.7.5', text: expect.stringMatching(expected) },
      });
      expect(relay.received).toHaveLength(0);
    } else {
      expect(outcome?.kind).toBe('sent');
      expect(relay.connections[0]?.encrypted).toBe(expected === 'encrypted');
    }
  });

  test('opportunistic, and garbage for a handshake', async () => {
    await open({ tls: good }, { tls: 'opportunistic' });
    // EHLO, STARTTLS, and the client's hello.
    const hello = relay.until(() => relay.connections[0]?.reads === 3);
    relay.script = { tls: when(hello, raw('500 5.5.1 what do you mean?\r\n')) };
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { status: '4.7.5' } });
    expect(outcome?.reply.text).toMatch(/does not speak TLS/);
  });

  test('verified, and a certificate for another name', async () => {
    await open({ tls: good }, { tls: 'verified', servername: 'other.example' });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome?.reply.text).toMatch(/is for another name/);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay' });
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'verified, and a certificate for another name, at every attempt: %s',
    async (maxVersion) => {
      await open({ tls: { ...good, maxVersion } }, { tls: 'verified', servername: 'other.example' });
      for (let i = 0; i < 3; i++) {
        expect((await transport.send(toOne, content(), never))[0]?.reply.text).toMatch(/is for another name/);
      }
      expect(relay.received).toHaveLength(0);
    },
  );

  test('from the first octet', async () => {
    await open({ tls: { ...good, implicit: true } }, { implicitTls: true });
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
    expect(relay.connections[0]).toMatchObject({ encrypted: true, servername: 'relay.example' });
  });

  test('from the first octet, at a port that does not speak it', async () => {
    await open({}, { implicitTls: true });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome?.reply.text).toMatch(/wants smtp:\/\/, not smtps:\/\//);
  });

  test('is the default where a password is sent', async () => {
    await open({ login: LOGIN }, { credentials, host: '0.0.0.0' });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome?.reply.text).toMatch(/offers no STARTTLS/);
  });

  describe('with a pinned fingerprint', () => {
    const pinned = (): Partial<SmtpOptions> => ({ fingerprint: [good.fingerprint, selfSigned.fingerprint] });

    test('takes the certificate that has it, self-signed and for whatever name', async () => {
      await open({ tls: selfSigned }, { ...pinned(), servername: 'other.example' });
      expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
      expect(relay.connections[0]?.encrypted).toBe(true);
      expect((await transport.verify(never)).tls).toMatchObject({ authorized: true, problem: null });
    });

    test('looks at the certificate of every connection', async () => {
      await open({ tls: good }, { ...pinned(), maxMessages: 1 });
      for (let i = 0; i < 3; i++) expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
      expect(relay.connections.map((connection) => connection.resumed)).toEqual([false, false, false]);
    });

    test.each(['STARTTLS', 'TLS from the start'])(
      'says nothing to another one, though its CA is trusted: %s',
      async (way) => {
        const implicit = way !== 'STARTTLS';
        await open(
          { tls: { ...good, implicit }, login: LOGIN },
          { credentials, implicitTls: implicit, fingerprint: selfSigned.fingerprint },
        );
        const [outcome] = await transport.send(toOne, content(), never);
        expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { status: '4.7.5' } });
        expect(outcome?.reply.text).toContain(good.fingerprint);
        expect(relay.passed('auth')).toBe(0);
      },
    );

    test('wants encryption', async () => {
      await open({}, pinned());
      expect((await transport.send(toOne, content(), never))[0]?.reply.text).toMatch(/offers no STARTTLS/);
    });
  });

  test('shows our certificate to a relay that asks for one', async () => {
    const client = certificates.signed('client');
    await open({ tls: { ...good, clientCa: ca } }, { tls: 'verified', cert: client.cert, key: client.key });
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
    expect(relay.connections[0]?.client).toBe('client');
  });

  test('fails where the relay asks for a certificate and we have none', async () => {
    await open({ tls: { ...good, clientCa: ca } }, { tls: 'verified' });
    expect(await transport.send(toOne, content(), never)).toMatchObject([{ kind: 'deferred', scope: 'relay' }]);
    expect(relay.received).toHaveLength(0);
  });

  test('takes no older version than it should', async () => {
    await open({ tls: { ...good, maxVersion: 'TLSv1.2' } }, { tls: 'verified', minVersion: 'TLSv1.3' });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { status: '4.7.5' } });
  });

  test('asks for the name that it is told', async () => {
    await open({ tls: selfSigned }, { tls: 'required', servername: 'sni.example' });
    await transport.send(toOne, content(), never);
    expect(relay.connections[0]?.servername).toBe('sni.example');
  });

  test('drops what was said in clear behind the reply to STARTTLS', async () => {
    const injected = raw('250-injected\r\n250 AUTH PLAIN\r\n');
    await open({ tls: good, script: { tls: inTurn(injected, usual) } }, { tls: 'verified' });
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
    expect(relay.connections[0]?.commands.map((command) => command.split(' ')[0])).toEqual([
      'EHLO',
      'STARTTLS',
      'EHLO',
      'MAIL',
      'RCPT',
      'DATA',
    ]);
  });

  test('is verified on every connection, resumed ones too', async () => {
    await open({ tls: good }, { tls: 'verified', maxMessages: 1 });
    for (let i = 0; i < 3; i++) expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
    expect(relay.connections.map((connection) => connection.encrypted)).toEqual([true, true, true]);
    expect(relay.connections.map((connection) => connection.resumed)).toEqual([false, true, true]);
  });

  test('carries a large content', async () => {
    await open({ tls: good }, { tls: 'verified' });
    const bytes = Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(3000));
    expect(kinds(await transport.send(toOne, content(bytes), never))).toEqual(['sent']);
    expect(relay.received[0]?.content.equals(bytes)).toBe(true);
  });
});

describe('a look at the relay', () => {
  test('shows TLS, extensions and login, and sends nothing', async () => {
    await open({ tls: good, login: LOGIN }, { tls: 'verified', credentials });
    const report = await transport.verify(never);
    expect(report).toMatchObject({
      ok: true,
      host: `${relay.host}:${relay.port}`,
      tls: { protocol: 'TLSv1.3', authorized: true, problem: null },
      login: 'PLAIN',
      error: null,
    });
    expect(report.extensions).toContain('SIZE 52428800');
    expect(relay.passed('mail')).toBe(0);
    expect(relay.passed('quit')).toBe(1);
  });

  test('shows an unverified certificate as such', async () => {
    await open({ tls: selfSigned }, { tls: 'opportunistic' });
    const report = await transport.verify(never);
    expect(report).toMatchObject({ ok: true, tls: { authorized: false, problem: expect.stringMatching(/./) } });
  });

  test('says what is wrong', async () => {
    await open({ login: LOGIN }, { credentials: { ...credentials, password: 'wrong' } });
    expect(await transport.verify(never)).toMatchObject({
      ok: false,
      login: null,
      error: { code: 535, status: '5.7.8' },
    });
  });

  test('ends when it is told to', async () => {
    await open({ script: { connect: () => ({ kind: 'silence' }) } });
    const controller = new AbortController();
    const looking = transport.verify(controller.signal);
    await relay.until(() => relay.passed('connect') === 1);
    controller.abort();
    expect(await looking).toMatchObject({ ok: false, error: { status: '4.3.0' } });
  });
});
