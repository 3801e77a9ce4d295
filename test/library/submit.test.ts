/** The ways into the queue from an application: one, many, and those of django-mailer under their own names. */
import { createTransport } from 'nodemailer';
import PostalMime, { type Email } from 'postal-mime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Mail,
  type MailQueue,
  openQueue,
  type QueueSettings,
  type Submission,
  type SubmitAllOptions,
} from '../../src/index.ts';
import { temporaryFolder } from '../support/posthaste.ts';
import { Kept } from './kept.ts';

const mail = { from: 'Ann <ann@example.com>', to: 'bob@example.org', subject: 'Grüße', text: 'Schöne Grüße\n' };

let folder: ReturnType<typeof temporaryFolder>;
let queue: MailQueue;
let kept: Kept;

const open = (settings: QueueSettings = {}): Promise<MailQueue> => openQueue({ dataDir: folder.path, ...settings });

beforeEach(async () => {
  folder = temporaryFolder();
  queue = await open();
  kept = await Kept.open(folder.path);
});

afterEach(async () => {
  await kept.close();
  await queue.close();
  folder[Symbol.dispose]();
});

const content = async (id: string): Promise<Email> => PostalMime.parse(await kept.content(id));

describe('submitAll', () => {
  const numbered = (n: number): Mail => ({ ...mail, to: `user${n}@example.org`, subject: `number ${n}` });

  test('keeps thousands from an async iterable and answers for each in order', async () => {
    async function* mails(): AsyncGenerator<Submission> {
      for (let n = 0; n < 2_000; n++) yield n % 2 === 0 ? numbered(n) : [numbered(n), { tags: ['odd'] }];
    }
    const results = await queue.submitAll(mails());
    expect(results.map(({ index, ok }) => [index, ok])).toEqual(Array.from({ length: 2_000 }, (_, n) => [n, true]));
    const infos = results.map((result) => (result.ok ? result.info.envelope.to[0] : ''));
    expect(infos).toEqual(Array.from({ length: 2_000 }, (_, n) => `user${n}@example.org`));
    expect([await queue.count(), await queue.count({ tag: 'odd' })]).toEqual([2_000, 1_000]);
  });

  test('gives all of them its options, and a message its own before those', async () => {
    const results = await queue.submitAll([mail, [mail, { priority: 'high' }]], { priority: 'low', tags: ['news'] });
    const found = await Promise.all(results.map((result) => queue.get(result.ok ? result.info.id : '')));
    expect(found.map((each) => [each?.message.priority, each?.message.tags])).toEqual([
      ['low', ['news']],
      ['high', ['news']],
    ]);
  });

  test.each([
    [{ batchsize: 5 }, 'OPTION_INVALID', /batchsize/],
    [{ priority: 'urgent' }, 'OPTION_INVALID', /priority/],
    [{ retry: 'often' }, 'RETRY_INVALID', /retry/],
  ])('refuses %j for all of them before one is kept', async (options, code, message) => {
    const failing = queue.submitAll([mail], options as SubmitAllOptions);
    await expect(failing).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(await queue.count()).toBe(0);
  });

  test('lets a bad message fail alone, wherever it is bad', async () => {
    const conflict = { ...mail, text: 'other' };
    const results = await queue.submitAll([
      numbered(0),
      { ...mail, to: 'nobody' },
      [mail, { priority: 'urgent' as 'high' }],
      null as unknown as Mail,
      [mail, { key: 'k' }],
      [conflict, { key: 'k' }],
      { ...mail, attachments: [{ path: '/there/is/no/such/file' }] },
      numbered(7),
    ]);
    expect(results.map((result) => (result.ok ? 'kept' : ((result.error as { code?: string }).code ?? '')))).toEqual([
      'kept',
      'ADDRESS_INVALID',
      'OPTION_INVALID',
      'OPTION_INVALID',
      'kept',
      'KEY_CONFLICT',
      'ENOENT',
      'kept',
    ]);
    expect(await queue.count()).toBe(3);
  });

  test('has no more than batchSize messages under way, and reads no further', async () => {
    let read = 0;
    function* mails(): Generator<Mail> {
      for (let n = 0; n < 50; n++) {
        read++;
        yield numbered(n);
      }
    }
    const results = queue.submitEach(mails(), { batchSize: 4 });
    expect(read).toBe(0);
    for (let taken = 1; taken <= 10; taken++) {
      await results.next();
      expect(read).toBe(taken + 3);
    }
    await results.return();
    // What was under way was finished before it ended.
    expect([read, await queue.count()]).toEqual([13, 13]);
  });

  test('gives the results of what came before its source failed, and then that failure', async () => {
    function* mails(): Generator<Mail> {
      yield numbered(0);
      throw new Error('the source is gone');
    }
    const results = queue.submitEach(mails());
    expect((await results.next()).value).toMatchObject({ index: 0, ok: true });
    await expect(results.next()).rejects.toThrow('the source is gone');
  });

  test.each([0, 1.5, '7'])('refuses a batchSize of %j', async (batchSize) => {
    await expect(queue.submitAll([mail], { batchSize: batchSize as number })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
  });
});

describe('as django-mailer has it', () => {
  test('sendMail keeps one message and sends nothing', async () => {
    const { id } = await queue.sendMail(mail);
    expect(await queue.count()).toBe(1);
    expect(await queue.get(id)).toMatchObject({ message: { priority: 'medium' }, deliveries: [{ state: 'queued' }] });
    expect(await content(id)).toMatchObject({ subject: 'Grüße', text: 'Schöne Grüße\n' });
  });

  test.each(['high', 'medium', 'low', 'deferred'] as const)('priority %s is kept', async (priority) => {
    const { id } = await queue.sendMail(mail, { priority });
    expect((await queue.get(id))?.message.priority).toBe(priority);
  });

  test('sendHtmlMail has the text as its main part and the HTML as an alternative, with headers of its own', async () => {
    const html = '<p>Schöne Grüße</p>';
    const { id } = await queue.sendHtmlMail({ ...mail, html, headers: { 'X-Campaign': 'may' } });
    const read = await content(id);
    expect([read.text?.trim(), read.html?.trim()]).toEqual([mail.text.trim(), html]);
    const raw = (await kept.content(id)).toString();
    expect(raw).toMatch(/^Content-Type: multipart\/alternative;/m);
    expect(raw.indexOf('text/plain')).toBeLessThan(raw.indexOf('text/html'));
    expect(read.headers.find(({ key }) => key === 'x-campaign')?.value).toBe('may');
  });

  test.each([
    ['html', mail],
    ['text', { from: mail.from, to: mail.to, html: '<p>' }],
  ])('sendHtmlMail without %s is refused', async (missing, bad) => {
    const failing = queue.sendHtmlMail(bad as Parameters<MailQueue['sendHtmlMail']>[0]);
    await expect(failing).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: `The message has no ${missing}: sendHtmlMail needs text and html.`,
    });
  });

  test('sendMassMail keeps all of its messages with their order and addresses and says how many', async () => {
    const to = Array.from({ length: 250 }, (_, n) => `user${n}@example.org`);
    const mails = to.map((address) => ({ ...mail, to: address }));
    expect(await queue.sendMassMail(mails, { priority: 'low', tags: ['news'], batchSize: 20 })).toBe(250);
    const found = await Array.fromAsync(queue.find({ tag: 'news' }));
    expect(found.map(({ recipient }) => recipient).toSorted()).toEqual(to.toSorted());
    expect(new Set(found.map(({ priority }) => priority))).toEqual(new Set(['low']));
  });

  test('sendMassMail keeps what it can and fails with what it could not', async () => {
    const failing = queue.sendMassMail([mail, { ...mail, to: '' }, mail, { ...mail, to: 'x@-y' }]);
    await expect(failing).rejects.toMatchObject({
      code: 'SOME_NOT_KEPT',
      message: expect.stringMatching(/^2 of 4 messages were not kept, first number 2: The message has no recipients/),
      cause: { errors: [{ code: 'NO_RECIPIENTS' }, { code: 'ADDRESS_INVALID' }] },
    });
    expect(await queue.count()).toBe(2);
  });

  test('mailAdmins and mailManagers write to those people, from the server, with the prefix and a priority', async () => {
    await using told = await open({
      admins: ['"Doe, Ann" <ann@example.com>', 'al@example.com'],
      managers: 'Mo <mo@example.com>, mia@example.com',
      serverEmail: 'Server <root@example.com>',
      subjectPrefix: '[shop]',
    });
    const [admins, managers] = [
      await told.mailAdmins({ subject: 'Disk full', text: 'soon' }, { priority: 'high' }),
      await told.mailManagers({ subject: 'Sales', text: 'up', html: '<b>up</b>' }),
    ];
    expect(admins.envelope).toEqual({ from: 'root@example.com', to: ['ann@example.com', 'al@example.com'] });
    expect(managers.envelope.to).toEqual(['mo@example.com', 'mia@example.com']);
    expect((await queue.get(admins.id))?.message).toMatchObject({ subject: '[shop] Disk full', priority: 'high' });
    expect(await content(managers.id)).toMatchObject({ from: { name: 'Server' }, subject: '[shop] Sales' });
  });

  test('mailAdmins without admins says which setting is empty', async () => {
    await expect(queue.mailAdmins({ subject: 'x' })).rejects.toMatchObject({
      code: 'NO_RECIPIENTS',
      message: expect.stringContaining('the setting admins is empty'),
    });
  });

  test('a message without From is from defaultFrom, in its header, its envelope and its Message-ID', async () => {
    await using told = await open({ defaultFrom: 'Shop <shop@example.com>' });
    const { from: _, ...rest } = mail;
    const info = await createTransport(told.transport()).sendMail(rest);
    expect(info.envelope.from).toBe('shop@example.com');
    expect(info.messageId).toMatch(/@example\.com>$/);
    expect(await content(info.id)).toMatchObject({ from: { name: 'Shop', address: 'shop@example.com' } });
    expect((await told.submit(mail)).envelope.from).toBe('ann@example.com');
    expect((await told.submit({ ...rest, messageId: '<7@x.org>' })).messageId).toBe('<7@x.org>');
  });
});

describe('options', () => {
  test.each([
    [{ prioriy: 'high' }, 'A message has no option prioriy: did you mean priority?'],
    [{ key: '' }, 'key is "": give a text of 1 to 255 characters.'],
    [{ key: 'x'.repeat(256) }, /^key is "x+": give/],
    [{ key: 'a\nb' }, /^key is "a\\nb": give/],
    [{ tags: 'news' }, 'tags is "news": give an array of texts.'],
    [{ metadata: { user: 7 } }, 'metadata is {"user":7}: give an object whose values are texts.'],
    [{ held: 'yes' }, 'held is "yes": give true or false.'],
    [{ expiresAt: -1 }, 'expiresAt is -1: give a Date, or milliseconds since 1970.'],
    [{ relay: 'sse' }, 'relay is "sse": there is none of that name, only default.'],
  ])('%j are refused with what is allowed', async (options, message) => {
    const failing = queue.submit(mail, options as object);
    await expect(failing).rejects.toMatchObject({ code: 'OPTION_INVALID', message: expect.stringMatching(message) });
    expect(await queue.count()).toBe(0);
  });

  test('relay goes before the routes', async () => {
    const relays = { ses: 'smtp://ses.example.com', office: 'smtp://office.example.com' };
    await using told = await open({ relays, routes: [{ recipient: '@example.org', relay: 'office' }] });
    const relayOf = async (id: string) => (await told.get(id))?.deliveries.map(({ relay }) => relay);
    expect(await relayOf((await told.submit(mail)).id)).toEqual(['office']);
    expect(await relayOf((await told.submit(mail, { relay: 'ses' })).id)).toEqual(['ses']);
    await expect(told.submit(mail, { relay: 'backup' })).rejects.toThrow('only ses, office.');
  });

  test('relay may be one that only a server beside us knows', async () => {
    await kept.store.noteRelay('ses', Date.now());
    const { id } = await queue.submit(mail, { relay: 'ses' });
    expect((await queue.get(id))?.deliveries[0]?.relay).toBe('ses');
  });
});
