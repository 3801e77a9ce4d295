/** posthaste/testing, used as the tests of an application use it. */
import { existsSync, readdirSync } from 'node:fs';
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ExpectedMail, openTestQueue, startRelay, type TestQueue } from '../../src/testing/index.ts';
import { temporaryFolder } from '../support/posthaste.ts';

let queue: TestQueue;

beforeEach(async () => {
  queue = await openTestQueue();
});

afterEach(() => queue.close());

const mail = {
  from: 'Shop <shop@example.com>',
  to: 'Bob <bob@example.org>',
  bcc: 'audit@example.com',
  subject: 'Grüße',
  text: 'Your code is 123456\n',
  html: '<p>Your code is <b>123456</b></p>',
  headers: { 'X-Order': '7' },
  attachments: [{ filename: 'terms.txt', content: 'terms' }],
};

describe('the outbox', () => {
  test('has what was submitted by any way, oldest first, read from what is kept', async () => {
    await createTransport(queue.transport()).sendMail(mail);
    await queue.submit({ from: 'a@example.com', to: 'b@example.org', raw: 'Subject: raw\r\n\r\nbody\r\n' });
    const [first, second] = await queue.outbox();
    expect(first).toMatchObject({
      from: 'Shop <shop@example.com>',
      recipients: ['bob@example.org', 'audit@example.com'],
      to: ['bob@example.org'],
      cc: [],
      subject: 'Grüße',
      attachments: [
        { filename: 'terms.txt', contentType: 'text/plain', content: new Uint8Array(Buffer.from('terms')) },
      ],
      headers: { 'x-order': '7' },
      priority: 'medium',
    });
    expect(first?.text.trim()).toBe('Your code is 123456');
    expect(second).toMatchObject({ subject: 'raw', html: '' });
    expect(second?.raw.toString()).toMatch(/\r\n\r\nbody\r\n$/);
  });

  test('keys may be used again after clear', async () => {
    await queue.submit(mail, { key: 'order 7' });
    await queue.clear();
    expect(await queue.submit({ ...mail, subject: 'other' }, { key: 'order 7' })).toMatchObject({ duplicate: false });
    expect((await queue.outbox()).map(({ subject }) => subject)).toEqual(['other']);
  });

  test('has neither reports nor what was cancelled, and nothing after clear', async () => {
    await using relay = await startRelay({ script: { rcpt: '550 5.1.1 no such user' } });
    await using failing = await openTestQueue({ relay: relay.url });
    const { id } = await failing.submit(mail);
    await failing.work();
    await failing.waitFor(id);
    expect(await failing.outbox()).toHaveLength(1);
    const { id: gone } = await queue.submit(mail);
    await queue.cancel(gone);
    expect(await queue.outbox()).toEqual([]);
    await queue.submit(mail);
    await queue.clear();
    expect([await queue.outbox(), await queue.count({ states: ['queued'] })]).toEqual([[], 0]);
    await queue.submit({ ...mail, subject: 'next' });
    expect((await queue.outbox()).map(({ subject }) => subject)).toEqual(['next']);
  });
});

describe('expectSent', () => {
  test.each<ExpectedMail>([
    {},
    { to: 'BOB@example.org' },
    { to: /@example\.com$/ },
    { from: 'shop@example.com' },
    { from: 'Shop <shop@example.com>' },
    { subject: 'Grüße' },
    { text: /code is \d{6}/ },
    { text: 'code', html: '<b>123456</b>', attachment: 'terms.txt', tag: 'otp', headers: { 'X-Order': /^\d$/ } },
  ])('%j finds the message', async (expected) => {
    const { id } = await queue.submit(mail, { tags: ['otp'] });
    expect((await queue.expectSent(expected)).id).toBe(id);
  });

  test('says what there is instead, and in what it differs', async () => {
    await expect(queue.expectSent({ to: 'bob@example.org' })).rejects.toThrow(
      "No message { to: 'bob@example.org' } was sent. No message was sent at all.",
    );
    await queue.submit({ ...mail, to: 'ann@example.org', bcc: [] });
    await queue.submit(mail);
    const failing = queue.expectSent({ to: 'bob@example.org', subject: /code/ });
    await expect(failing).rejects.toMatchObject({
      name: 'AssertionError',
      message: [
        "No message { to: 'bob@example.org', subject: /code/ } was sent. Sent was:",
        "  1. to ann@example.org: 'Grüße'",
        "     to is 'ann@example.org'",
        "     subject is 'Grüße'",
        "  2. to bob@example.org, audit@example.com: 'Grüße'",
        "     subject is 'Grüße'",
      ].join('\n'),
    });
  });

  test('does not take a part of a subject or an address for the whole', async () => {
    await queue.submit(mail);
    await expect(queue.expectSent({ subject: 'Grü' })).rejects.toThrow('No message');
    await expect(queue.expectSent({ to: 'example.org' })).rejects.toThrow('No message');
    await expect(queue.expectSent({ tag: 'otp' })).rejects.toThrow('tag is none');
    await expect(queue.expectSent({ subjekt: 'x' } as ExpectedMail)).rejects.toThrow(
      'A mail has no subjekt: expect to,',
    );
  });
});

test('a pattern with the flag g fits each time', async () => {
  await queue.submit(mail);
  const code = /\d{6}/g;
  await queue.expectSent({ text: code });
  await queue.expectSent({ text: code });
  await expect(queue.expectNotSent({ text: code })).rejects.toThrow('should not have been');
});

test('expectNotSent fails with what should not be there', async () => {
  await queue.expectNotSent();
  await queue.submit(mail);
  await queue.expectNotSent({ to: 'eve@example.org' });
  await expect(queue.expectNotSent({ to: 'bob@example.org' })).rejects.toThrow(
    "A message { to: 'bob@example.org' } was sent, and should not have been:\n  1. to bob@example.org, audit@example.com: 'Grüße'",
  );
});

test('waitForMail waits for what comes later, and not for ever', async () => {
  const waiting = queue.waitForMail({ subject: 'later' });
  await queue.submit(mail);
  await queue.submit({ ...mail, subject: 'later' });
  expect((await waiting).subject).toBe('later');
  await expect(queue.waitForMail({ subject: 'never' }, { timeout: 30 })).rejects.toThrow(
    /^No message .* within 30 ms\./,
  );
});

describe('the queue', () => {
  test('is real: what it is asked to deliver gets to a relay as the script of that one says', async () => {
    await using relay = await startRelay({ script: { rcpt: ['450 4.2.0 later'], dot: '250 2.0.0 thanks' } });
    await using real = await openTestQueue({ relay: relay.url, retryFirstDelay: 1 });
    const { id } = await real.submit({ ...mail, bcc: [] });
    await real.work();
    const { deliveries, attempts } = await real.waitFor(id);
    expect(deliveries[0]).toMatchObject({ state: 'sent', lastReply: { text: 'thanks' } });
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['deferred', 'sent']);
    expect(relay.received[0]?.recipients).toEqual(['bob@example.org']);
  });

  test('knows nothing of the environment, so that no test sends real mail', async () => {
    process.env.POSTHASTE_RELAY = 'smtp://real.example.com';
    try {
      await using safe = await openTestQueue();
      const { id } = await safe.submit(mail);
      await safe.work();
      expect((await safe.waitFor(id)).deliveries.map(({ state }) => state)).toEqual(['captured', 'captured']);
    } finally {
      delete process.env.POSTHASTE_RELAY;
    }
  });

  test('leaves nothing behind, also when it cannot be opened', async () => {
    using folder = temporaryFolder();
    const before = process.env.TMPDIR;
    process.env.TMPDIR = folder.path;
    try {
      const own = await openTestQueue();
      await own.submit(mail);
      expect(readdirSync(folder.path)).toHaveLength(1);
      await own.close();
      const failing = openTestQueue({ maxAge: 'nonsense' });
      await expect(failing).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
      expect(readdirSync(folder.path)).toEqual([]);
    } finally {
      process.env.TMPDIR = before ?? '';
      if (before === undefined) delete process.env.TMPDIR;
    }
  });

  test('stays where it was told to be', async () => {
    using folder = temporaryFolder();
    const own = await openTestQueue({ dataDir: folder.path });
    await own.submit(mail);
    await own.close();
    expect(existsSync(`${folder.path}/posthaste.db`)).toBe(true);
  });
});

describe('an international domain', () => {
  const mail = { from: 'Ann <ann@bücher.example>', to: 'bob@bücher.example', subject: 's', text: 'x' };
  test.each<ExpectedMail>([
    { to: 'bob@bücher.example' },
    { to: 'Bob@xn--bcher-kva.example' },
    { to: /@bücher\.example$/ },
    { to: /@xn--bcher-kva\.example$/ },
    { from: 'ann@bücher.example' },
    { from: 'Ann <ann@BÜCHER.example>' },
    { from: /<ann@bücher/ },
  ])('is expected in either spelling: %j', async (expected) => {
    await queue.submit(mail);
    await queue.expectSent(expected);
    await expect(queue.expectNotSent(expected)).rejects.toThrow('should not have been');
  });
});

test('header values are decoded as the subject is', async () => {
  const long = 'Grüße aus der schönen Überraschung, die so lang ist, daß sie in mehreren Stücken kommt';
  await queue.submit({ ...mail, headers: { 'X-A': 'wörd', 'X-Long': long, 'X-Plain': 'a=b <c@d>' } });
  const sent = await queue.expectSent({ headers: { 'X-A': 'wörd', 'x-long': long, 'X-Plain': /^a=b <c@d>$/ } });
  expect(sent.headers).toMatchObject({ 'x-a': 'wörd', subject: 'Grüße' });
  await expect(queue.expectNotSent({ headers: { 'X-A': /^wörd$/ } })).rejects.toThrow('should not have been');
});
