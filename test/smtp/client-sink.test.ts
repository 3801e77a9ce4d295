/** The way out against a server that is not ours: Postfix's smtp-sink. Skipped, and said so, where it is not installed; demanded in CI. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import { content, envelope, kinds, never, toOne } from './client/mail.ts';

const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
const installed = spawnSync('smtp-sink', ['-?'], { env: { ...process.env, PATH } }).error === undefined;
if (!installed && process.env.CI === 'true')
  throw new Error('smtp-sink is not installed, and CI must test with it: apt-get install postfix');
if (!installed)
  console.warn('SKIPPED: smtp-sink is not installed (apt-get install postfix), so nothing is sent to a foreign server');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when something listens there: refused connections are answers, not time that passes. */
async function listening(port: number, sink: ChildProcess): Promise<void> {
  while (sink.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
  }
  throw new Error(`smtp-sink ended with ${sink.exitCode}`);
}

describe.runIf(installed)('smtp-sink', () => {
  let folder: string;
  let sink: ChildProcess;
  let transport: SmtpTransport;

  async function start(...options: readonly string[]): Promise<void> {
    const port = await freePort();
    const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    sink = spawn('smtp-sink', [...user, '-R', folder, ...options, `127.0.0.1:${port}`, '100'], {
      env: { ...process.env, PATH },
      stdio: 'ignore',
    });
    await listening(port, sink);
    transport = new SmtpTransport({ host: '127.0.0.1', port });
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'posthaste-sink-'));
    chmodSync(folder, 0o777);
  });

  afterEach(async () => {
    await transport.close();
    const ended = once(sink, 'exit');
    sink.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ['with PIPELINING', []],
    ['without it', ['-p']],
    ['with nothing but HELO', ['-e']],
  ])('takes many messages, %s', async (_name, options) => {
    await start(...options);
    const outcomes = await Promise.all(Array.from({ length: 300 }, () => transport.send(toOne, content(), never)));
    expect(outcomes.flatMap(kinds).filter((kind) => kind !== 'sent')).toEqual([]);
  });

  test('gets every octet', async () => {
    await start('-d', 'mail-');
    const text = `Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n${'x'.repeat(900)}\r\n`.repeat(200);
    expect(kinds(await transport.send(toOne, content(text), never))).toEqual(['sent']);
    const [file] = readdirSync(folder);
    const kept = readFileSync(join(folder, file as string), 'latin1');
    expect(kept.endsWith(text.replaceAll('\r\n', '\n')) || kept.includes(text.replaceAll('\r\n', '\n').trimEnd())).toBe(
      true,
    );
  });

  test.each([
    ['connect', 'deferred relay'],
    ['mail', 'refused message'],
    ['rcpt', 'refused recipient'],
    ['data', 'refused message'],
    ['.', 'refused message'],
  ])('refuses %s: %s', async (command, expected) => {
    await start('-f', command, '-B', '550 5.3.0 no');
    const outcomes = await transport.send(envelope('a@example.com', 'b@example.com'), content(), never);
    expect(kinds(outcomes)).toEqual([expected, expected]);
  });

  test.each([
    ['mail', 'deferred relay'],
    ['rcpt', 'deferred relay'],
    ['data', 'deferred relay'],
    ['.', 'deferred message in doubt'],
  ])('drops the connection at %s: %s', async (command, expected) => {
    await start('-q', command);
    expect(kinds(await transport.send(toOne, content(), never))).toEqual([expected]);
  });
});
