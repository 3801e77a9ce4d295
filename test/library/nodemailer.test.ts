/** Nodemailer's own messages through the queue: each of its options, in the version at hand and in those that applications have. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { SendMailOptions, Transporter } from 'nodemailer';
import * as nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mail, QueuedInfo } from '../../src/index.ts';
import { openTestQueue, type TestQueue } from '../../src/testing/index.ts';
import { packagesIn } from '../support/packages.ts';
import { temporaryFolder } from '../support/posthaste.ts';

const OLDER = fileURLToPath(new URL('nodemailers', import.meta.url));
const there = await packagesIn(OLDER);
const require = createRequire(join(OLDER, 'package.json'));

type Nodemailer = Pick<typeof nodemailer, 'createTransport'>;
type Version = readonly [name: string, nodemailer: Nodemailer];
const older = (there ? [5, 6, 7, 8, 9] : []).map((major): Version => [String(major), require(`nodemailer-${major}`)]);
const versions: readonly Version[] = [...older, ['at hand', nodemailer]];

let queue: TestQueue;
let folder: ReturnType<typeof temporaryFolder>;
/** A server that has an attachment. */
let href: string;
const server = createServer((_, response) => response.end('over HTTP'));
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

beforeAll(async () => {
  queue = await openTestQueue();
  folder = temporaryFolder();
  writeFileSync(join(folder.path, 'terms.txt'), 'from a file');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  href = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.txt`;
});

afterAll(async () => {
  server.close();
  folder[Symbol.dispose]();
  await queue.close();
});

/** What it makes by chance or by the clock is given. */
const mail = {
  from: 'Ann <ann@example.com>',
  to: 'Bob <bob@example.org>',
  subject: 'Grüße',
  text: 'Schöne Grüße',
  date: new Date(0),
  messageId: '<1@example.com>',
  baseBoundary: 'between',
} as Mail;
const html = '<p>Schöne Grüße</p>';
const attached = (attachment: object): Mail => ({ ...mail, attachments: [{ filename: 'a.txt', ...attachment }] });

const RAW = 'Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nas it is\r\n';

/** Composed anew for each sending: a stream is read once. */
const options: Readonly<Record<string, () => Mail>> = {
  'text and HTML': () => ({ ...mail, html }),
  'HTML for watches and AMP': () => ({ ...mail, html, watchHtml: '<b>hi</b>', amp: '<html amp4email></html>' }),
  'a text that is a stream': () => ({ ...mail, text: Readable.from(['Schöne ', 'Grüße']) }),
  'a text that is a file': () => ({ ...mail, text: { path: join(folder.path, 'terms.txt') } }),
  'a text in base64': () => ({ ...mail, textEncoding: 'base64' }),
  'an attachment that is a text': () => attached({ content: 'as it is' }),
  'an attachment that is a Buffer': () => attached({ content: Buffer.alloc(300_000, 'abc\u{1F600}') }),
  'an attachment that is a stream': () => attached({ content: createReadStream(join(folder.path, 'terms.txt')) }),
  'an attachment that is a file': () => attached({ path: join(folder.path, 'terms.txt') }),
  'an attachment behind a URL': () => attached({ href }),
  'an attachment in a data URI': () => attached({ path: 'data:text/plain;base64,aGVsbG8=' }),
  'an attachment in base64': () => attached({ content: 'aGVsbG8=', encoding: 'base64' }),
  'an attachment that comes as a whole part': () => attached({ raw: 'Content-Type: text/plain\r\n\r\nraw' }),
  'an image in the text': () => ({
    ...mail,
    html: '<img src="cid:logo">',
    attachments: [{ filename: 'logo.png', cid: 'logo', content: Buffer.from([1, 2, 3]), contentDisposition: 'inline' }],
  }),
  alternatives: () => ({ ...mail, alternatives: [{ contentType: 'text/x-web-markdown', content: '**hi**' }] }),
  'a calendar event': () => ({
    ...mail,
    icalEvent: { method: 'REQUEST', filename: 'invite.ics', content: 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n' },
  }),
  'headers of its own': () => ({ ...mail, headers: { 'X-Order': '7', 'X-Twice': ['a', 'b'] } }),
  'a list': () => ({
    ...mail,
    list: { unsubscribe: { url: 'https://example.com/u', comment: 'go' }, help: 'h@example.com' },
  }),
  'a priority for its readers': () => ({ ...mail, priority: 'high' }),
  'copies, an answer and a thread': () => ({
    ...mail,
    sender: 'desk@example.com',
    cc: ['cy@example.org', { name: 'Di, the 2nd', address: 'di@example.org' }],
    replyTo: 'help@example.com',
    inReplyTo: '<0@example.com>',
    references: ['<0@example.com>', '<00@example.com>'],
  }),
  'an envelope of its own': () => ({ ...mail, envelope: { from: 'bounces@example.com', to: 'cy@example.org' } }),
  'an address beyond ASCII': () => ({ ...mail, to: 'bob@bücher.example' }),
  'a signature': () => ({ ...mail, dkim: { domainName: 'example.com', keySelector: 's', privateKey } }),
  'raw octets': () => ({ envelope: { from: 'a@example.com', to: 'b@example.org' }, raw: RAW }),
  'a raw stream': () => ({
    envelope: { from: 'a@example.com', to: 'b@example.org' },
    raw: Readable.from([RAW.slice(0, 20), RAW.slice(20)]),
  }),
};

interface Composed {
  readonly envelope: QueuedInfo['envelope'];
  readonly messageId: string;
  readonly message: Buffer;
}

/** What a version of Nodemailer makes of a message by itself. */
async function composed({ createTransport }: Nodemailer, message: Mail): Promise<Composed> {
  const alone = createTransport({ streamTransport: true, buffer: true, newline: 'windows' } as never) as Transporter;
  const { envelope, ...rest } = (await alone.sendMail(message as SendMailOptions)) as Composed;
  // As it was given, in versions before 9.
  return { envelope: { ...envelope, to: [envelope.to].flat() }, ...rest };
}

/** As it stands in the signature of such a body (RFC 6376 3.4.4). */
function bodyHash(raw: string): string {
  const body = raw
    .slice(raw.indexOf('\r\n\r\n') + 4)
    .replace(/[ \t]+/g, ' ')
    .replace(/ \r\n/g, '\r\n')
    .replace(/(?:\r\n)*$/, '\r\n');
  return `bh=${createHash('sha256').update(body, 'latin1').digest('base64')}`;
}

/** Without what the queue adds. */
function asComposed(raw: Buffer): string {
  return raw.toString('latin1').replace(/^Received: [\s\S]*?\r\n(?![ \t])/, '');
}

describe.each(versions)('with Nodemailer %s', (_, version) => {
  test.each(Object.entries(options))('%s is kept as Nodemailer composes it', async (_, compose) => {
    const { message, envelope, messageId } = await composed(version, compose());
    const info = (await version.createTransport(queue.transport()).sendMail(compose())) as QueuedInfo;
    expect(info).toMatchObject({ envelope, accepted: envelope.to, rejected: [], pending: [] });
    // Nodemailer does not look into what comes whole.
    expect(info.messageId).toBe(compose().raw ? '<1@example.com>' : messageId);
    const kept = (await queue.outbox()).find(({ id }) => id === info.id);
    expect(asComposed(kept?.raw ?? Buffer.alloc(0))).toBe(message.toString('latin1'));
  });

  test.each<[string, string, Mail]>([
    ['a text', 'a\r\n\r\nb', { ...mail, text: 'a\r\r\nb' }],
    ['a progress bar', '1%\r\n2%\r\n', { ...mail, text: '1%\r2%\r' }],
    ['HTML', '<p>\r\n</p>', { ...mail, text: '', html: '<p>\r</p>' }],
    ['an attachment', 'x\r\ny', attached({ content: Buffer.from('x\ry'), contentTransferEncoding: '7bit' })],
    [
      'a stream',
      '1%\r\n2%\r\n3%',
      attached({ content: Readable.from(['1%\r', '\n2%\r', '3%']), contentTransferEncoding: '7bit' }),
    ],
  ])('a CR that stands alone in %s ends a line, and a signature of Nodemailer holds', async (_, lines, message) => {
    const dkim = { domainName: 'example.com', keySelector: 's', privateKey };
    const mailer = version.createTransport(queue.transport());
    const { id } = (await mailer.sendMail({ ...message, dkim } as Mail)) as QueuedInfo;
    const raw = (await queue.outbox()).find((each) => each.id === id)?.raw.toString('latin1') ?? '';
    expect(raw).toContain(lines);
    expect(raw).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
    expect(raw).toContain(bodyHash(raw));
  });

  test('a CR that stands alone in raw octets is refused: they may be signed, or of somebody else', async () => {
    const raw = { envelope: { from: 'a@example.com', to: 'b@example.org' }, raw: RAW.replace('as it', 'as\rit') };
    await expect(version.createTransport(queue.transport()).sendMail(raw)).rejects.toMatchObject({
      code: 'MESSAGE_REFUSED',
      message: expect.stringContaining('a CR that stands alone'),
    });
  });

  test('a plugin that changes messages is heard', async () => {
    const mailer = version.createTransport(queue.transport());
    mailer.use('compile', (each, next) => {
      each.data.subject = `[shop] ${each.data.subject}`;
      next();
    });
    const { id } = (await mailer.sendMail(mail)) as QueuedInfo;
    expect((await queue.get(id))?.message.subject).toBe('[shop] Grüße');
  });

  test.each<[string, string, Mail]>([
    ['no recipient', 'NO_RECIPIENTS', { ...mail, to: [] }],
    ['an option that there is not', 'OPTION_INVALID', { ...mail, posthaste: { priority: 'urgent' } } as Mail],
    ['a file that there is not', 'ENOENT', { ...mail, attachments: [{ path: '/there/is/no/such/file' }] }],
  ])('%s fails the message, and not the process', async (_, code, bad) => {
    const mailer = version.createTransport(queue.transport());
    await expect(mailer.sendMail(bad)).rejects.toMatchObject({ code });
    const called = new Promise((resolve) => mailer.sendMail(bad, resolve));
    expect(await called).toMatchObject({ code });
  });

  test('a message that fails leaves no stream of its own open', async () => {
    const content = createReadStream(join(folder.path, 'terms.txt'));
    const closed = new Promise<void>((resolve) => content.once('close', resolve));
    const mailer = version.createTransport(queue.transport());
    await expect(mailer.sendMail({ ...mail, to: [], attachments: [{ content }] })).rejects.toThrow('no recipients');
    await closed;
  });

  test('it is verified, idle and closed as any transport', async () => {
    const mailer = version.createTransport(queue.transport());
    expect(mailer.transporter).toMatchObject({ name: 'posthaste', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect(await mailer.verify()).toBe(true);
    expect(mailer.isIdle()).toBe(true);
    mailer.close();
    expect((await mailer.sendMail(mail)) as QueuedInfo).toMatchObject({ duplicate: false });
  });
});
