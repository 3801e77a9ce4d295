/** Logins at a server that is not ours: a private Postfix that asks a private Dovecot. */
import { afterAll, describe, expect, test } from 'vitest';
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

describe.skipIf(fault !== undefined).each(['PLAIN', 'LOGIN', 'CRAM-MD5'])('%s', (mechanism) => {
  test('lets the transport, the check and a message in; a wrong password pauses the relay and bounces nothing', async () => {
    using data = temporaryFolder();
    const next = await startRelay();
    const server = await LoginServer.start(mechanism, certificate, next.port);
    try {
      await transportLogsIn(server.port, mechanism);
      await next.until(() => next.received.length === 1);

      const good = await posthaste(data.path, 'check', '--relay', url(server.port, PASSWORD));
      expect(good.stdout).toMatch(/ok +relay /);
      expect(good.code, good.stdout + good.stderr).toBe(0);
      const bad = await posthaste(data.path, 'check', '--relay', url(server.port, 'wrong'));
      expect(bad.stdout).toMatch(/FAIL +relay .*535/);
      expect(bad.code).toBe(1);

      await wrongPasswordWaits(data.path, server.port);
      expect(received(next)).toHaveLength(1);
      await rightPasswordSends(data.path, server.port);
      await next.until(() => next.received.length === 2);
      expect(received(next)).toEqual(['rcpt@example.com', 'user@example.com']);
    } finally {
      await server[Symbol.asyncDispose]();
      await next.close();
    }
    // Two servers and half a dozen processes, on a machine that may have other work.
  }, 180_000);
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
