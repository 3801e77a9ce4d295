/** Idempotency keys: the same call again answers with the first message, another message under the key is an error. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Mail, type MailQueue, openQueue } from '../../src/index.ts';
import { temporaryFolder } from '../support/posthaste.ts';

let folder: ReturnType<typeof temporaryFolder>;
let queue: MailQueue;

const mail = {
  from: 'Ann <ann@example.com>',
  to: 'bob@example.org',
  subject: 'Grüße',
  text: 'one\n',
  html: '<p>one</p>',
};
const PIXEL = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=';
const key = { key: 'order-7' };

beforeEach(async () => {
  folder = temporaryFolder();
  queue = await openQueue({ dataDir: folder.path });
});

afterEach(async () => {
  await queue.close();
  folder[Symbol.dispose]();
});

describe('a key that was used, with the same mail', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const file = (): string => {
    const path = join(folder.path, 'terms.txt');
    writeFileSync(path, 'terms');
    return path;
  };
  test.each<[string, () => Mail]>([
    ['in several parts', () => mail],
    [
      'with an attachment in memory',
      () => ({ ...mail, attachments: [{ filename: 'a', content: Buffer.alloc(400_000) }] }),
    ],
    ['with a stream', () => ({ ...mail, attachments: [{ filename: 'a', content: Readable.from(['x', 'y']) }] })],
    ['with a file', () => ({ ...mail, attachments: [{ path: file() }] })],
    [
      'as a raw stream',
      () => ({ envelope: { from: 'a@x.org', to: ['b@x.org'] }, raw: Readable.from(['A: b\n', '\nx']) }),
    ],
    ['with a data URI', () => ({ ...mail, html: `<img src="${PIXEL}"><img src="${PIXEL}">`, attachDataUrls: true })],
    ['signed', () => ({ ...mail, dkim: { domainName: 'example.com', keySelector: 's', privateKey: pem } })],
    ['with the Date and Message-ID that it had', () => ({ ...mail, date: new Date(0), messageId: '<7@example.com>' })],
  ])('%s, answers with the first message and keeps no second', async (_, compose) => {
    const first = await queue.submit(compose(), key);
    const second = await queue.submit(compose(), { ...key, tags: ['again'], sendAt: Date.now() + 60_000 });
    expect(second).toEqual({ ...first, duplicate: true });
    expect(await queue.count()).toBe(1);
  });

  test('answers with the first message also through Nodemailer and from another process', async () => {
    const first = await queue.submit(mail, key);
    await using other = await openQueue({ dataDir: folder.path });
    const transport = createTransport(other.transport(), { from: mail.from });
    const { from: _, ...rest } = mail;
    expect(await transport.sendMail({ ...rest, posthaste: key } as Mail)).toEqual({ ...first, duplicate: true });
  });
});

describe('a key that was used, with another mail', () => {
  test.each<[string, Mail]>([
    ['text', { ...mail, text: 'two' }],
    ['subject', { ...mail, subject: 'Gruß' }],
    ['recipient', { ...mail, bcc: 'cy@example.org' }],
    ['envelope', { ...mail, envelope: { from: 'other@example.com', to: mail.to } }],
    ['attachment', { ...mail, attachments: [{ filename: 'a', content: 'x' }] }],
    ['Message-ID of its own', { ...mail, messageId: '<8@example.com>' }],
    ['Date of its own', { ...mail, headers: { Date: 'Thu, 01 Jan 1970 00:00:00 +0000' } }],
  ])('(its %s) is refused with the id of the first one, and nothing is kept', async (_, other) => {
    const { id } = await queue.submit(mail, key);
    const text = `The key "order-7" belongs to message ${id}, whose content or recipients are others: give each message a key of its own.`;
    await expect(queue.submit(other, key)).rejects.toMatchObject({ code: 'KEY_CONFLICT', id, message: text });
    expect(await queue.count()).toBe(1);
  });

  test('is refused where both are too large for memory, and leaves no chunk of its own', async () => {
    const large = (octet: number): Mail => ({ ...mail, attachments: [{ content: Buffer.alloc(2_000_000, octet) }] });
    const { id } = await queue.submit(large(1), key);
    await expect(queue.submit(large(2), key)).rejects.toMatchObject({ code: 'KEY_CONFLICT', id });
    expect(await queue.submit(large(1), key)).toMatchObject({ id, duplicate: true });
    expect(await queue.count()).toBe(1);
  });
});

test('of many that use a key at once, in two processes, one is kept, and all others hear of it', async () => {
  await using other = await openQueue({ dataDir: folder.path });
  const tries = Array.from({ length: 60 }, (_, i) => {
    const text = i % 3 === 0 ? 'one' : 'two';
    return (i % 2 === 0 ? queue : other).submit({ ...mail, text }, key).then(
      ({ id, duplicate }) => ({ id, text, duplicate }),
      (error) => ({ id: error.id, text, code: error.code }),
    );
  });
  const results = await Promise.all(tries);
  const winners = results.filter((result) => 'duplicate' in result && !result.duplicate);
  expect(winners).toHaveLength(1);
  const { id, text } = winners[0] as (typeof results)[number];
  for (const result of results) {
    if (result === winners[0]) continue;
    expect(result).toEqual({
      id,
      text: result.text,
      ...(result.text === text ? { duplicate: true } : { code: 'KEY_CONFLICT' }),
    });
  }
  expect(await queue.count()).toBe(1);
});
