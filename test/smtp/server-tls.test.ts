/** STARTTLS and login over real TLS sockets. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/runtime/clock.ts';
import type { ListenerOptions, SmtpListener } from '../../src/submission/smtp/listener.ts';
import { authenticator } from '../../src/submission/smtp/users.ts';
import { NOON, RecordingQueue, SocketClient, startListener } from './server/harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'posthaste-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

function makeCertificate(): { cert: string; key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=mx.example.org', '-addext', 'subjectAltName=DNS:mx.example.org'];
  const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', ...form, ...subject, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

const tls = makeCertificate();
const MESSAGE = 'Date: d\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(
  queue: RecordingQueue,
  changes: Partial<ListenerOptions> = {},
): Promise<SmtpListener & { port: number }> {
  const listener = await startListener(queue, { tls, ...changes });
  ends.push(() => listener.stop());
  return listener;
}

async function dial(listener: { readonly port: number }): Promise<SocketClient> {
  const client = await SocketClient.connect(listener.port);
  ends.push(() => client.destroy());
  return client;
}

function encrypt(client: SocketClient): TLSSocket {
  client.socket.removeAllListeners('data');
  return connectTls({ socket: client.socket, ca: tls.cert, servername: 'mx.example.org' });
}

/** STARTTLS with the given octets behind it in the same write, then the handshake. */
async function startTls(client: SocketClient, behind = ''): Promise<SocketClient> {
  client.write(`EHLO c\r\nSTARTTLS\r\n${behind}`);
  await client.until(/^220 2\.0\.0 begin TLS/m);
  const secure = encrypt(client);
  await once(secure, 'secureConnect');
  ends.push(() => void secure.destroy());
  return new SocketClient(secure);
}

test('a message over STARTTLS says so in its Received field', async () => {
  const queue = new RecordingQueue();
  const client = await dial(await serve(queue));
  client.write('EHLO c\r\n');
  await client.until(/^250 STARTTLS/m);
  const secure = await startTls(client);
  secure.write(`EHLO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n${MESSAGE}.\r\nQUIT\r\n`);
  const replies = await secure.until(/^221 /m);
  expect(replies).not.toContain('STARTTLS');
  expect(queue.kept[0]?.content.toString()).toMatch(
    / with ESMTPS id \S+\r\n\tfor <b@x\.example>\r\n\ttls TLS_\w+;\r\n/,
  );
  await secure.closed();
});

test('what is sent in plain text behind STARTTLS is dropped (CVE-2011-0411)', async () => {
  const queue = new RecordingQueue();
  const client = await dial(await serve(queue));
  const injected = 'EHLO evil\r\nMAIL FROM:<evil@x.example>\r\nRCPT TO:<evil@x.example>\r\n';
  const secure = await startTls(client, injected);
  secure.write('MAIL FROM:<a@x.example>\r\n');
  expect(await secure.line()).toMatch(/^503 5\.5\.1 send EHLO/);
  secure.write('EHLO c\r\nDATA\r\n');
  await secure.until(/^250 ENHANCEDSTATUSCODES/m);
  expect(await secure.line()).toMatch(/^503 5\.5\.1 send MAIL/);
});

test('a transaction begun in plain text is forgotten', async () => {
  const client = await dial(await serve(new RecordingQueue()));
  client.write('EHLO c\r\nMAIL FROM:<a@x.example>\r\n');
  const secure = await startTls(client);
  secure.write('EHLO c\r\nRCPT TO:<b@x.example>\r\n');
  await secure.until(/^503 5\.5\.1 send MAIL/m);
});

test('a large message passes whole', async () => {
  const queue = new RecordingQueue();
  const secure = await startTls(await dial(await serve(queue)));
  const body = `${'x'.repeat(998)}\r\n`.repeat(2_000);
  secure.write(`EHLO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n${MESSAGE}${body}.\r\n`);
  await secure.until(/^250 2\.0\.0 queued/m);
  expect(queue.kept[0]?.content.subarray(-body.length).toString()).toBe(body);
});

test('a client that does not shake hands is disconnected, and hurts nobody', async () => {
  const clock = new ManualClock(NOON);
  const listener = await serve(new RecordingQueue(), { clock, idleTimeout: 1_000 });
  const garbage = await dial(listener);
  garbage.write('STARTTLS\r\n');
  await garbage.until(/^220 2/m);
  garbage.write('this is no handshake\r\n');
  await garbage.closed();
  const silent = await dial(listener);
  silent.write('STARTTLS\r\n');
  await silent.until(/^220 2/m);
  clock.moveTo(NOON + 1_000);
  await silent.closed();
  const client = await dial(listener);
  expect(await client.line()).toMatch(/^220 /);
});

test('a listener that stops ends sessions over TLS too, and handshakes that do not come', async () => {
  const clock = new ManualClock(NOON);
  const listener = await serve(new RecordingQueue(), { clock, stopTimeout: 1_000 });
  const secure = await startTls(await dial(listener));
  const silent = await dial(listener);
  silent.write('STARTTLS\r\n');
  await silent.until(/^220 2/m);
  const stopping = listener.stop();
  expect(await secure.line()).toMatch(/^421 4\.3\.2/);
  await secure.closed();
  clock.moveTo(NOON + 1_000);
  await stopping;
});

describe('login', () => {
  const authenticate = authenticator([{ name: 'ann', password: 'secret' }]);
  const plain = (user: string, password: string): string => Buffer.from(`\0${user}\0${password}`).toString('base64');

  test('over TLS is offered, and the message says so', async () => {
    const queue = new RecordingQueue();
    const secure = await startTls(await dial(await serve(queue, { authenticate })));
    secure.write('EHLO c\r\n');
    await secure.until(/^250 AUTH PLAIN LOGIN/m);
    secure.write(`AUTH PLAIN ${plain('ann', 'wrong')}\r\n`);
    expect(await secure.line()).toMatch(/^535 5\.7\.8 /);
    secure.write(`AUTH PLAIN ${plain('ann', 'secret')}\r\n`);
    expect(await secure.line()).toMatch(/^235 2\.7\.0 /);
    secure.write(`MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n${MESSAGE}.\r\n`);
    await secure.until(/^250 2\.0\.0 queued/m);
    expect(queue.kept[0]?.content.toString()).toContain(' with ESMTPSA id ');
    expect(queue.kept[0]?.content.toString()).not.toContain('secret');
  });

  test('is no duty for a client on this machine', async () => {
    const client = await dial(await serve(new RecordingQueue(), { authenticate }));
    client.write('EHLO c\r\nMAIL FROM:<a@x.example>\r\n');
    await client.until(/^250 2\.1\.0 /m);
  });

  test('that cannot be checked is a temporary failure', async () => {
    const broken = { authenticate: () => Promise.reject(new Error('no')) };
    const client = await dial(await serve(new RecordingQueue(), broken));
    client.write(`EHLO c\r\nAUTH PLAIN ${plain('ann', 'secret')}\r\n`);
    await client.until(/^454 4\.7\.0 /m);
  });
});
