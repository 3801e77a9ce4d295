/** The queue inside an application: real Nodemailer, a real database, a real relay. */
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { createTransport } from 'nodemailer';
import PostalMime from 'postal-mime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MailQueue, openQueue, type QueueSettings } from '../../src/index.ts';
import { type Action, usual, when } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { Recorder } from '../support/delivery.ts';
import { Gate } from '../support/gate.ts';
import { temporaryFolder } from '../support/posthaste.ts';
import { isThere, POSTGRES, TestDatabase } from '../support/servers.ts';

const mail = { from: 'Ann <ann@example.com>', to: 'bob@example.org', subject: 'Grüße', text: 'one\ntwo\n' };

const hasPostgres = await isThere(POSTGRES);

let folder: ReturnType<typeof temporaryFolder>;
let relay: ScriptedRelay;
let log: Recorder;
let queue: MailQueue;

const open = (settings: QueueSettings = {}): Promise<MailQueue> =>
  openQueue({ dataDir: folder.path, relay: `smtp://127.0.0.1:${relay.port}`, log, ...settings });

beforeEach(async () => {
  folder = temporaryFolder();
  relay = await startRelay();
  log = new Recorder();
  queue = await open();
});

afterEach(async () => {
  await queue.close();
  await relay.close();
  folder[Symbol.dispose]();
});

test('an application, which listens nowhere, may relay to the posthaste beside it', async () => {
  await using other = await open({ dataDir: `${folder.path}/other`, relay: 'smtp://127.0.0.1:2525' });
  expect(await other.count()).toBe(0);
});

describe('submit', () => {
  test('keeps the message, says why it waits, and lets it go once somebody works', async () => {
    const { id, messageId, response, duplicate } = await queue.submit(mail);
    expect(duplicate).toBe(false);
    expect(response).toBe(`250 2.0.0 queued as ${id}`);
    const waiting = await queue.get(id);
    expect(waiting?.message).toMatchObject({
      messageId,
      subject: 'Grüße',
      sender: 'ann@example.com',
      origin: 'library',
    });
    expect(waiting?.deliveries).toMatchObject([
      { state: 'queued', why: 'No worker has been seen: start posthaste serve or posthaste work.' },
    ]);
    await queue.work();
    await log.until('sent');
    expect((await queue.get(id))?.deliveries[0]?.why).toMatch(/^The relay took it .*250/);
    expect(relay.received.map(({ sender, recipients }) => [sender, recipients])).toEqual([
      ['ann@example.com', ['bob@example.org']],
    ]);
    const content = relay.received[0]?.content.toString() ?? '';
    expect(content).toMatch(/^Received: by .*\r\n/);
    expect(content.endsWith('\r\n\r\none\r\ntwo\r\n')).toBe(true);
  });

  test('keeps Bcc recipients in the envelope and out of the message', async () => {
    const { id } = await queue.submit({ ...mail, cc: 'cy@example.org', bcc: ['di@example.org'] });
    await queue.work();
    await log.until('sent', 3);
    expect((await queue.get(id))?.deliveries.map(({ recipient }) => recipient)).toEqual([
      'bob@example.org',
      'cy@example.org',
      'di@example.org',
    ]);
    expect(relay.received[0]?.content.toString()).not.toMatch(/^bcc:|di@/im);
  });

  test('gives the queue what a message asks of it', async () => {
    const sendAt = new Date(Date.now() + 3_600_000);
    const { id } = await queue.submit(mail, {
      priority: 'high',
      sendAt,
      expiresAt: sendAt.getTime() + 5,
      tags: ['otp'],
      metadata: { user: '7' },
      retry: { maxAttempts: 2 },
    });
    expect(await queue.get(id)).toMatchObject({
      message: { priority: 'high', tags: ['otp'], metadata: { user: '7' }, retry: { maxAttempts: 2 } },
      deliveries: [{ dueAt: sendAt.getTime(), expiresAt: sendAt.getTime() + 5 }],
    });
  });

  test('with a key that was used answers with the first message, and keeps no second', async () => {
    const first = await queue.submit(mail, { key: 'order-7' });
    const second = await queue.submit(mail, { key: 'order-7' });
    expect(second).toMatchObject({ id: first.id, duplicate: true });
    expect(await queue.count()).toBe(1);
  });

  test.each([
    ['NO_RECIPIENTS', { ...mail, to: [] }, {}, 'name at least one in to, cc or bcc'],
    ['NO_RECIPIENTS', { ...mail, to: 'undisclosed-recipients:;' }, {}, 'name at least one in to, cc or bcc'],
    ['ADDRESS_INVALID', { ...mail, to: 'bob@example.org, eve' }, {}, 'There is no address in the recipient "eve"'],
    ['ADDRESS_INVALID', { ...mail, cc: ['ann@example.org', 'Eve'] }, {}, 'There is no address in the recipient "Eve"'],
    [
      'ADDRESS_INVALID',
      { ...mail, bcc: 'friends: ann@example.org, eve;' },
      {},
      'There is no address in the recipient "eve"',
    ],
    ['ADDRESS_INVALID', { ...mail, to: 'b@-bad-' }, {}, 'b@-bad-'],
    ['OPTION_INVALID', mail, { priority: 'urgent' as 'high' }, 'priority is "urgent": give one of high, medium'],
    ['OPTION_INVALID', mail, { sendAt: new Date('nonsense') }, 'sendAt is Invalid Date: give a Date'],
    ['RETRY_INVALID', mail, { retry: { maxAttempts: 0 } }, 'retry.maxAttempts is 0'],
    ['MESSAGE_TOO_LARGE', { ...mail, text: 'x'.repeat(20_000) }, {}, '552 5.3.4'],
  ])('fails with %s, and keeps nothing', async (code, bad, options, words) => {
    await using small = await open({ maxMessageSize: '10kb' });
    const failure = await small.submit(bad, options).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'PosthasteError', code, message: expect.stringContaining(words) });
    expect(await small.count()).toBe(0);
  });

  test('of a content that cannot be read to its end fails, and keeps nothing', async () => {
    const broken = Readable.from(
      (async function* () {
        yield Buffer.alloc(600_000, 'x\r\n');
        throw new Error('the disk is gone');
      })(),
    );
    await expect(queue.submit({ ...mail, attachments: [{ filename: 'a', content: broken }] })).rejects.toThrow(
      'the disk is gone',
    );
    expect(await queue.count()).toBe(0);
  });
});

test('holds no transaction while it talks to a relay: others write to the database meanwhile', async () => {
  await using other = await open();
  const { id } = await queue.submit(mail);
  const written: Promise<unknown>[] = [];
  const write = (): Action => {
    if (written.length > 0) return usual;
    const wait = other.submit({ ...mail, to: 'next@example.org' });
    written.push(wait);
    return when(wait);
  };
  // The relay answers when the other has committed, which an open transaction would keep from it.
  relay.script = { dot: write };
  await queue.workOnce();
  expect((await queue.get(id))?.deliveries).toMatchObject([{ state: 'sent', attempts: 1 }]);
  expect(await Promise.all(written)).toMatchObject([{ duplicate: false }]);
});

describe('verify', () => {
  test('on a closed queue is an error, by promise and by callback', async () => {
    const transporter = createTransport(queue.transport());
    await queue.close();
    await expect(transporter.verify()).rejects.toMatchObject({ code: 'STOPPED' });
    const told = new Promise((resolve) => transporter.verify((error) => resolve(error)));
    expect(await told).toMatchObject({ code: 'STOPPED' });
  });

  test.skipIf(!hasPostgres)('fails while the database is away', async () => {
    const server = await TestDatabase.make(POSTGRES);
    const gate = await Gate.before(Number(new URL(server.url).port));
    const through = new URL(server.url);
    through.port = String(gate.port);
    const remote = await open({ database: through.href });
    try {
      const transporter = createTransport(remote.transport());
      expect(await transporter.verify()).toBe(true);
      await gate.close();
      await expect(transporter.verify()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    } finally {
      await gate.close();
      await remote.close();
      await server.drop();
    }
  });
});

describe('transport', () => {
  test('is named by the error where a queue is given in its place', () => {
    const refused = { code: 'OPTION_INVALID', message: expect.stringContaining('createTransport(queue.transport())') };
    expect(() => createTransport(queue as never)).toThrow(expect.objectContaining(refused));
    expect(inspect(queue)).not.toContain('url');
  });

  test('takes what existing code gives to Nodemailer, as plain as it is', async () => {
    const transporter = createTransport(queue.transport(), { from: 'app@example.com' });
    expect(await transporter.verify()).toBe(true);
    const info = await transporter.sendMail({
      to: ['bob@example.org'],
      subject: 'Invoice',
      html: '<p>Hello</p>',
      attachments: [{ filename: 'bill.pdf', content: Buffer.alloc(300_000, 7) }],
      dsn: { id: 'order+7', return: 'headers', notify: ['failure', 'delay'] },
    });
    expect(info).toMatchObject({
      envelope: { from: 'app@example.com', to: ['bob@example.org'] },
      accepted: ['bob@example.org'],
      rejected: [],
      pending: [],
    });
    const found = await queue.get(info.id);
    expect(found?.message).toMatchObject({ messageId: info.messageId, ret: 'hdrs', envelopeId: 'order+2B7' });
    expect(found?.deliveries[0]?.notify).toEqual(['failure', 'delay']);
    await queue.work();
    await log.until('sent');
    const read = await PostalMime.parse(relay.received[0]?.content ?? Buffer.alloc(0));
    expect(read.attachments.map(({ filename }) => filename)).toEqual(['bill.pdf']);
    const bytes = Buffer.from(read.attachments[0]?.content as ArrayBuffer);
    expect(bytes.equals(Buffer.alloc(300_000, 7))).toBe(true);
  });
});

describe('the queue', () => {
  test('finds, counts, holds, releases, retries and cancels', async () => {
    for (const to of ['a@example.org', 'b@example.org', 'c@example.net']) await queue.submit({ ...mail, to });
    const recipients = async (): Promise<string[]> =>
      (await Array.fromAsync(queue.find({ recipient: '@example.org' }))).map(({ recipient }) => recipient).toSorted();
    expect(await recipients()).toEqual(['a@example.org', 'b@example.org']);
    expect(await queue.hold({ recipient: '@example.org' })).toBe(2);
    expect(await queue.count({ states: ['held'] })).toBe(2);
    expect(await queue.release({ recipient: 'a@example.org' })).toBe(1);
    expect(await queue.cancel({ recipient: 'b@example.org' })).toBe(1);
    expect(await queue.retry({ states: ['cancelled'] })).toBe(1);
    expect(await queue.count({ states: ['queued'] })).toBe(3);
    expect(await queue.get('01234567-89ab-7def-8123-456789abcdef')).toBeNull();
  });

  test('says of a delivery for a relay that the settings do not know that this is why it waits', async () => {
    const { id } = await queue.submit(mail);
    const relays = { other: `smtp://127.0.0.1:${relay.port}` };
    await using changed = await openQueue({ dataDir: folder.path, relays });
    const { id: theirs } = await changed.submit(mail);
    await using back = await openQueue({ dataDir: folder.path, relays: { third: relays.other } });
    expect((await back.get(theirs))?.deliveries[0]?.why).toMatch(/^The settings tell of no relay other/);
    expect((await back.get(id))?.deliveries[0]?.why).not.toMatch(/tell of no relay/);
  });

  test('is one with that of another process on the same database', async () => {
    await using other = await open();
    const { id } = await other.submit(mail);
    await queue.work();
    await log.until('sent');
    expect((await other.get(id))?.deliveries[0]?.state).toBe('sent');
  });

  test('keeps what is being submitted before it closes', async () => {
    const submitted = [queue.submit(mail), queue.submit(mail, { key: 'k' })];
    await queue.close();
    const kept = await Promise.all(submitted);
    await using again = await open();
    for (const { id } of kept) expect((await again.get(id))?.deliveries[0]?.state).toBe('queued');
  });

  test('waits for no content that stands still when it closes', async () => {
    const still = new Readable({ read: () => undefined });
    void queue.submit({ ...mail, text: still }).catch(() => undefined);
    await queue.close();
    still.destroy();
  });

  test('closes in order, twice if need be, and is closed then', async () => {
    await queue.work();
    await Promise.all([queue.close(), queue.close()]);
    await expect(queue.submit(mail)).rejects.toMatchObject({ code: 'STOPPED' });
    await expect(queue.get('x')).rejects.toMatchObject({ code: 'STOPPED' });
    await expect(queue.work()).rejects.toMatchObject({ code: 'STOPPED' });
  });
});

describe('settings', () => {
  test('that are given beat the environment', async () => {
    process.env.POSTHASTE_HOSTNAME = 'from.environment.example';
    try {
      await using named = await open({ hostname: 'given.example' });
      const { id } = await named.submit(mail);
      await named.work();
      await log.until('sent');
      expect((await named.get(id))?.deliveries[0]?.state).toBe('sent');
      expect(relay.received[0]?.content.toString()).toContain('by given.example');
    } finally {
      delete process.env.POSTHASTE_HOSTNAME;
    }
  });

  test.each([
    [{ databse: 'x' }, 'openQueue() knows no setting databse: did you mean database?'],
    [{ maxAge: 'long' }, 'maxAge (maxAge in openQueue()) is "long": '],
  ])('that make no sense are named: %j', async (settings, words) => {
    await expect(open(settings as QueueSettings)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(words),
    });
  });
});
