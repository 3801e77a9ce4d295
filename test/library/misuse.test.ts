/** What programs without types give by mistake: an error that says what is wrong and what to give, and nothing is kept. */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createTransport } from 'nodemailer';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Mail, openQueue, type QueueSettings, type SubmitOptions } from '../../src/index.ts';
import { openTestQueue, type ScriptedOptions, startRelay, type TestQueue } from '../../src/testing/index.ts';
import { temporaryFolder } from '../support/posthaste.ts';

let queue: TestQueue;
beforeAll(async () => {
  queue = await openTestQueue();
});
afterEach(() => queue.clear());
afterAll(() => queue.close());

const mail = { from: 'a@example.org', to: 'b@example.org', subject: 's', text: 'x' };
// biome-ignore lint/suspicious/noExplicitAny: that is what programs without types have.
const given = (value: unknown): any => value;

describe('a stream that fails', () => {
  const missing = (): Readable => createReadStream('/there/is/no/such/file');
  const broken = (): Readable =>
    Readable.from(
      (async function* () {
        yield 'a'.repeat(600_000);
        throw new Error('broken off');
      })(),
    );
  const mails: Readonly<Record<string, () => Mail>> = {
    'as its text': () => ({ ...mail, text: missing() }),
    'as its HTML': () => ({ ...mail, html: missing() }),
    'in its text': () => ({ ...mail, text: { content: missing() } as Mail['text'] }),
    'in an attachment': () => ({ ...mail, attachments: [{ filename: 'a', content: missing() }] }),
    'in an alternative': () => ({ ...mail, alternatives: [{ contentType: 'text/calendar', content: missing() }] }),
    'behind another one': () => ({ ...mail, attachments: [{ content: broken() }, { content: missing() }] }),
    'as the whole message': () => ({ raw: missing(), envelope: { from: 'a@example.org', to: 'b@example.org' } }),
  };

  test.each(Object.entries(mails))('%s fails the message, and not the process', async (_, make) => {
    await expect(queue.submit(make())).rejects.toThrow(/no such file|broken off/);
    await expect(queue.prepare(make())).rejects.toThrow(/no such file|broken off/);
    expect(await queue.count()).toBe(0);
  });

  test('in a message that is refused for another reason harms nothing', async () => {
    const text = missing();
    const failed = new Promise((resolve) => text.once('error', resolve));
    await expect(queue.submit({ ...mail, text }, given({ priority: 'x' }))).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
    await expect(failed).resolves.toMatchObject({ code: 'ENOENT' });
  });

  test('before it is submitted fails the message too', async () => {
    const text = missing();
    await new Promise((resolve) => text.once('error', resolve));
    await expect(queue.submit({ ...mail, text })).rejects.toThrow('no such file');
  });

  test('half way, through Nodemailer, fails the message', async () => {
    const mailer = createTransport(queue.transport());
    await expect(mailer.sendMail({ ...mail, text: broken() })).rejects.toThrow('broken off');
  });
});

describe('a message', () => {
  const circle: Record<string, unknown> = {};
  circle.itself = circle;
  test.each<[string, unknown, RegExp]>([
    ['expiresAt before sendAt', { sendAt: 2e12, expiresAt: 1e12 }, /^expiresAt is "2001.*give a time after sendAt/],
    ['no expiresAt', { expiresAt: null }, /^expiresAt is null: give a Date, or milliseconds since 1970/],
    ['a sendAt in words', { sendAt: '1' }, /^sendAt is "1": give a Date, or milliseconds since 1970/],
    ['an expiresAt in seconds', { expiresAt: 1_800_000_000 }, /^expiresAt is 1800000000: .*and no seconds/],
    ['an invalid Date', { sendAt: new Date('x') }, /^sendAt is Invalid Date: give a Date, or milliseconds since 1970/],
    ['metadata in a circle', { metadata: circle }, /^metadata is <ref \*1> \{ itself: \[Circular \*1\] \}: give/],
    ['no metadata', { metadata: null }, /^metadata is null: give an object whose values are texts/],
    [
      'metadata in a Map',
      { metadata: new Map([['a', 'b']]) },
      /^metadata is .*: give an object whose values are texts/,
    ],
    ['much metadata', { metadata: { a: 'b'.repeat(70_000) } }, /^metadata is 70008 octets as JSON: give at most 65536/],
    ['many tags', { tags: Array(10_000).fill('a tag') }, /^tags is 80001 octets as JSON/],
    ['no retry', { retry: 7 }, /^retry is 7: give an object/],
    ['no options', null, /^The options are null: give an object, or nothing/],
  ])('with %s is refused', async (_, options, message) => {
    const refused = { code: 'OPTION_INVALID', message: expect.stringMatching(message) };
    await expect(queue.submit(mail, options as SubmitOptions)).rejects.toMatchObject(refused);
    await expect(queue.submitAll([mail], options as SubmitOptions)).rejects.toMatchObject(refused);
    expect(await queue.count()).toBe(0);
  });

  test.each([null, undefined, 'text', []])('that is %j is refused', async (nothing) => {
    const refused = { code: 'OPTION_INVALID', message: expect.stringContaining('is no message: give { to, subject') };
    await expect(queue.submit(given(nothing))).rejects.toMatchObject(refused);
    await expect(queue.sendHtmlMail(given(nothing))).rejects.toMatchObject(refused);
    await expect(queue.mailAdmins(given(nothing))).rejects.toMatchObject(refused);
  });

  test.each<[object, RegExp]>([
    [{ date: 'garbage' }, /^date is "garbage": give a Date, or a text that is one/],
    [{ date: new Date('x') }, /^date is Invalid Date: give a Date/],
    [{ attachments: [null] }, /^attachments\[0\] is null: give an object/],
    [{ attachments: [{ content: 'x' }, 'notes.txt'] }, /^attachments\[1\] is "notes.txt": give an object/],
    [{ alternatives: [undefined] }, /^alternatives\[0\] is undefined: give an object/],
  ])('with %j in it is refused', async (part, message) => {
    const refused = { code: 'OPTION_INVALID', message: expect.stringMatching(message) };
    await expect(queue.submit({ ...mail, ...part })).rejects.toMatchObject(refused);
    const { id } = await queue.submit({ ...mail, date: 'Mon, 30 Nov 2026 12:00:00 +0000', attachments: [] });
    expect(await queue.count(id)).toBe(1);
  });

  test.each<[string, object, RegExp]>([
    ['sendAt', { sendAt: new Date() }, /^sendAt stands in the message.*submit\(mail, \{ sendAt \}\)/],
    ['key', { key: 'order-7' }, /^key stands in the message/],
    ['transaction', { transaction: {} }, /^transaction stands in the message/],
  ])('that has the option %s in it is refused', async (_, option, message) => {
    const refused = { code: 'OPTION_INVALID', message: expect.stringMatching(message) };
    await expect(queue.submit({ ...mail, ...option })).rejects.toMatchObject(refused);
    await expect(queue.prepare({ ...mail, ...option })).rejects.toMatchObject(refused);
    expect(await queue.submitAll([{ ...mail, ...option }])).toMatchObject([{ ok: false, error: refused }]);
  });

  test('that is prepared in a transaction is refused: nobody would submit it', async () => {
    const refused = { code: 'OPTION_INVALID', message: expect.stringContaining('give it to submit or submitSync') };
    await expect(queue.prepare(mail, given({ transaction: {} }))).rejects.toMatchObject(refused);
  });

  const source = 'a text, a Buffer, a stream, or { path } or { href } of one.';
  test.each<[string, object, string]>([
    ['html', { html: Promise.resolve('<p>') }, `html is a Promise: await it, and give ${source}`],
    ['text', { text: 7 }, `text is 7: give ${source}`],
    ['subject', { subject: Promise.resolve('s') }, 'subject is a Promise: await it, and give a text.'],
    ['subject', { subject: { en: 's' } }, 'subject is {"en":"s"}: give a text.'],
    ['content', { attachments: [{ content: { a: 1 } }] }, `attachments[0].content is {"a":1}: give ${source}`],
    ['content', { alternatives: [{}, { content: 7 }] }, `alternatives[1].content is 7: give ${source}`],
  ])('whose %s is none is refused by its name, through Nodemailer too', async (_, strange, message) => {
    const refused = { code: 'OPTION_INVALID', message };
    await expect(queue.submit({ ...mail, ...strange })).rejects.toMatchObject(refused);
    await expect(createTransport(queue.transport()).sendMail({ ...mail, ...strange })).rejects.toMatchObject(refused);
  });

  test('whose texts become such late has those that they are when it is submitted', async () => {
    const words = ['Hello', 'too late'];
    const late = given({ toString: () => words[0] });
    const sent = queue.submit({ ...mail, subject: late, text: late, html: late });
    words.shift();
    await sent;
    expect(await queue.outbox()).toMatchObject([{ subject: 'Hello', text: 'Hello\n', html: 'Hello\n' }]);
  });

  test.each<[string, Mail, string]>([
    [
      'to',
      { ...mail, to: given([{ name: 'Bob', email: 'bob@example.org' }, 'c@example.org']) },
      'recipient {"name":"Bob"',
    ],
    ['cc', { ...mail, cc: given(7) }, 'recipient 7'],
    ['bcc', { ...mail, bcc: given([{ name: 'Bob', address: '' }]) }, 'recipient {"name":"Bob","address":""}'],
    ['from', { ...mail, from: 'app' }, 'sender "app"'],
    ['from', { ...mail, from: given({ name: 'App' }) }, 'sender {"name":"App"}'],
  ])('whose %s has no address in it is refused, and not sent to the others or from nobody', async (_, bad, words) => {
    const refused = {
      code: 'ADDRESS_INVALID',
      message: expect.stringContaining(`There is no address in the ${words}`),
    };
    await expect(queue.submit(bad)).rejects.toMatchObject(refused);
    await expect(createTransport(queue.transport()).sendMail(bad)).rejects.toMatchObject(refused);
    expect(await queue.count()).toBe(0);
  });

  test.each<[string, Mail, string]>([
    [
      'to',
      { ...mail, to: 'john@x.org b@y.org' },
      'to is "john@x.org b@y.org", where "b@y.org" is no address of its own',
    ],
    ['cc', { ...mail, cc: ['ann@x.org', 'john@x.org b@y.org'] }, 'cc is "john@x.org b@y.org"'],
    ['bcc', { ...mail, bcc: { name: '', address: 'john@x.org b@y.org' } }, 'bcc is {"name":""'],
    ['from', { ...mail, from: 'john@x.org b@y.org' }, 'from is "john@x.org b@y.org"'],
    ['replyTo', { ...mail, replyTo: 'john@x.org b@y.org' }, 'replyTo is "john@x.org b@y.org"'],
    ['to of a raw message', { ...mail, raw: 'Subject: x\n\nx', to: 'john@x.org b@y.org' }, 'to is "john@x.org'],
    ['envelope', { ...mail, envelope: { from: 'a@x.org', to: 'john@x.org b@y.org' } }, 'envelope.to is "john@x.org'],
    ['header', { ...mail, headers: { Bcc: 'john@x.org b@y.org' } }, 'Bcc is "john@x.org b@y.org"'],
    ['header in a list', { ...mail, headers: [{ key: 'cc', value: 'a@x.org b@y.org' }] }, 'cc is "a@x.org b@y.org"'],
    ['to', { ...mail, to: 'john@x.org\nBcc: b@y.org' }, 'to is "john@x.org\\nBcc: b@y.org", with a line break'],
    ['to', { ...mail, to: 'john@x.org\r' }, 'to is "john@x.org\\r", with a line break'],
    ['to', { ...mail, to: ['john@x.org\0'] }, 'to is "john@x.org\\u0000", with a line break'],
    ['name', { ...mail, from: { name: 'App\r\nBcc: b@y.org', address: 'a@x.org' } }, 'from is {"name":"App'],
    ['address', { ...mail, cc: { name: 'Ann', address: 'a@x.org\nb@y.org' } }, 'cc is {"name":"Ann"'],
  ])(
    'whose %s would lose an address, or hides one behind a line break, is refused by the name of the field',
    async (_, bad, words) => {
      const refused = { code: 'ADDRESS_INVALID', message: expect.stringContaining(words) };
      await expect(queue.submit(bad)).rejects.toMatchObject(refused);
      await expect(createTransport(queue.transport()).sendMail(bad)).rejects.toMatchObject(refused);
      expect(await queue.count()).toBe(0);
    },
  );

  test('whose envelope has a recipient without an address is refused', async () => {
    const bad = { ...mail, envelope: { from: 'a@example.org', to: ['b@example.org', 'bad one'] } };
    const refused = { code: 'ADDRESS_INVALID', message: expect.stringContaining('in the recipient "bad one"') };
    await expect(queue.submit(bad)).rejects.toMatchObject(refused);
  });

  test('may have an @ in names in quotes, in comments, and in names that are the address', async () => {
    const to = ['"john@x.org" <b@y.org>', 'c@y.org (once john@x.org)', 'Team: d@y.org, e@y.org;', 'f@y.org <f@y.org>'];
    const named = { name: 'john@x.org', address: 'g@y.org' };
    const { envelope } = await queue.submit({ ...mail, to: [...to, named] });
    expect(envelope.to).toEqual(['b@y.org', 'c@y.org', 'd@y.org', 'e@y.org', 'f@y.org', 'g@y.org']);
  });

  test('without a sender is refused, unless its envelope says that it is meant', async () => {
    const { from: _, ...nobody } = mail;
    const refused = {
      code: 'ADDRESS_INVALID',
      message: expect.stringContaining('The message has no sender: give from'),
    };
    await expect(queue.submit(nobody)).rejects.toMatchObject(refused);
    const { id } = await queue.submit({ ...nobody, envelope: { from: false, to: 'b@example.org' } });
    expect((await queue.get(id))?.message.sender).toBeNull();
  });

  test('leaves out recipients that are empty', async () => {
    const { envelope } = await queue.submit({ ...mail, to: given(['a@example.org', undefined, '', null]), cc: '' });
    expect(envelope.to).toEqual(['a@example.org']);
  });

  test.each([null, undefined, 7, 'mails'])('of %j, where a list of them is asked for, is refused', async (nothing) => {
    const refused = { code: 'OPTION_INVALID', message: expect.stringContaining('is no list of messages') };
    await expect(queue.submitAll(given(nothing))).rejects.toMatchObject(refused);
    await expect(queue.sendMassMail(given(nothing))).rejects.toMatchObject(refused);
  });
});

describe('a wish for reports', () => {
  const forged = 'never\r\nRCPT TO:<evil@example.net>\r\nDATA\r\nSubject: forged\r\n\r\n.';
  const NOTIFY = /notify is .*: give never, or some of success, failure and delay\.$/;
  test.each<[unknown, RegExp]>([
    [{ notify: forged }, NOTIFY],
    [{ notify: 'x' }, NOTIFY],
    [{ notify: 'failed' }, NOTIFY],
    [{ notify: ['never', 'success'] }, NOTIFY],
    [{ notify: 'success,' }, NOTIFY],
    [{ notify: true }, NOTIFY],
    [{ notify: [7] }, NOTIFY],
    [{ return: 'x' }, /^dsn\.return is "x": give full or hdrs/],
    [{ ret: 'x\r\nDATA' }, /^dsn\.ret is "x\\r\\nDATA"/],
    [{ id: {} }, /^dsn\.id is \{\}: give a text/],
    [{ id: 'ä'.repeat(40) }, /^dsn\.id is ".*": give a text that has at most 100 characters as xtext/],
    [{ recipient: ';b@example.org' }, /^dsn\.recipient is ";b@example\.org": give an address/],
    [{ orcpt: 'b'.repeat(500) }, /^dsn\.orcpt is /],
    ['never', /^dsn is "never": give an object/],
  ])('of %j is refused with what is allowed', async (dsn, message) => {
    const refused = { code: 'OPTION_INVALID', message: expect.stringMatching(message) };
    await expect(queue.submit({ ...mail, dsn: given(dsn) })).rejects.toMatchObject(refused);
    await expect(createTransport(queue.transport()).sendMail({ ...mail, dsn: given(dsn) })).rejects.toMatchObject(
      refused,
    );
    expect(await queue.count()).toBe(0);
  });

  test('in an envelope is refused by that name', async () => {
    const envelope = { from: 'a@example.org', to: 'b@example.org', dsn: { notify: 'x' } };
    const refused = { code: 'OPTION_INVALID', message: expect.stringMatching(/^envelope\.dsn\.notify is "x"/) };
    await expect(queue.submit({ ...mail, envelope })).rejects.toMatchObject(refused);
  });
});

describe('who waits', () => {
  test.each<[unknown, RegExp]>([
    [{ states: ['typo'] }, /^states is \["typo"\]: give an array of queued, sending, held, sent/],
    [{ states: [] }, /^states is \[\]/],
    [{ states: 'sent' }, /^states is "sent"/],
    [{ timeout: 'x' }, /^timeout is "x": give milliseconds/],
    [{ timeout: Number.NaN }, /^timeout is NaN/],
    [{ timeout: 1e12 }, /^timeout is 1000000000000/],
    [{ signal: {} }, /^signal is \{\}: give an AbortSignal/],
    [null, /^The options are null/],
    [{ timeoutMs: 5 }, /^There is no option timeoutMs: there are timeout, signal, states/],
  ])('with %j is told what may be given', async (options, message) => {
    const { id } = await queue.submit(mail);
    const refused = { code: 'OPTION_INVALID', message: expect.stringMatching(message) };
    await expect(queue.waitFor(id, given(options))).rejects.toMatchObject(refused);
  });
});

describe('who looks or changes', () => {
  test('with an option that there is not is told those that there are', async () => {
    const refused = (message: string) => ({ code: 'OPTION_INVALID', message: expect.stringContaining(message) });
    const found = Array.fromAsync(queue.find({}, given({ sort: 'x' })));
    await expect(found).rejects.toMatchObject(refused('no option sort: there are order, limit, cursor'));
    await expect(queue.page({}, given({ size: 5 }))).rejects.toMatchObject(refused('no option size'));
    const error = (work: () => unknown) => expect(work).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
    error(() => queue.events(given({ since: 5 })));
    error(() => queue.admin(given(undefined)));
    error(() => queue.on(given('delivered'), () => undefined));
    expect(queue.eventNames()).not.toContain('delivered');
  });

  test.each([undefined, null, 7, { id: 'x' }])('by %j, which is no id, is told so', async (nothing) => {
    const refused = { code: 'FILTER_INVALID', message: expect.stringContaining('is no queue id: give the id') };
    await expect(queue.get(given(nothing))).rejects.toMatchObject(refused);
    await expect(queue.waitFor(given(nothing))).rejects.toMatchObject(refused);
  });

  test('with a cursor that no page gave is told so', async () => {
    await queue.submitAll([mail, mail]);
    const { cursor } = await queue.page({}, { limit: 1 });
    expect((await queue.page({}, given({ cursor }))).rows).toHaveLength(1);
    for (const junk of ['junk', '', '1:2', `${cursor}x`, 7]) {
      const refused = {
        code: 'FILTER_INVALID',
        message: expect.stringMatching(/^cursor is .*: give the cursor of a page/),
      };
      await expect(queue.page({}, given({ cursor: junk }))).rejects.toMatchObject(refused);
    }
  });

  test.each([undefined, null, 7, [undefined], [null]])('suppresses %j in vain', async (nothing) => {
    const refused = { code: 'OPTION_INVALID', message: expect.stringContaining('give an address or @domain') };
    await expect(queue.suppress(given(nothing))).rejects.toMatchObject(refused);
    await expect(queue.unsuppress(given(nothing))).rejects.toMatchObject(refused);
  });
});

describe('openQueue', () => {
  test.each<[unknown, RegExp]>([
    [null, /^openQueue\(\) was given null: give an object, or nothing/],
    ['smtp://localhost', /^openQueue\(\) was given "smtp:/],
    [
      { relay: 'http://x' },
      /relay in openQueue\(\).* begins with http:\/\/, and only smtp:\/\/ and smtps:\/\/ are known/,
    ],
    [{ log: 5 }, /^log in openQueue\(\) is 5, which has no debug\(\): give a logger like pino's/],
    [{ log: { info() {} } }, /^log in openQueue\(\) is .*, which has no debug\(\)/],
    [{ relay: 'localhost' }, /is no URL: write it as smtp:\/\/user:password@host:587/],
  ])('refuses %j', async (settings, message) => {
    using folder = temporaryFolder();
    const own = typeof settings === 'object' && settings !== null ? { dataDir: folder.path, ...settings } : settings;
    const refused = { code: 'CONFIG_INVALID', message: expect.stringMatching(message) };
    await expect(openQueue(own as QueueSettings)).rejects.toMatchObject(refused);
  });
});

describe('in the tests of an application', () => {
  test('a script with a point that no dialogue has is refused, also later', async () => {
    const refused = {
      code: 'OPTION_INVALID',
      message: expect.stringMatching(/^A dialogue has no point maill: there are connect, tls/),
    };
    const script = { maill: '421 bye' } as ScriptedOptions['script'] & object;
    await expect(startRelay({ script })).rejects.toMatchObject(refused);
    await using relay = await startRelay();
    expect(() => {
      relay.script = script;
    }).toThrow(expect.objectContaining(refused));
  });

  test.each<[unknown, string]>([
    [{ to: ['b@example.org'] }, 'to is ["b@example.org"]: expect a text or a RegExp, or leave it out.'],
    [{ headers: { 'x-a': 1 } }, 'headers.x-a is 1: expect a text or a RegExp, or leave it out.'],
    [{ headers: 'x' }, 'headers is "x": expect an object.'],
    [{ to: undefined }, 'to is undefined: expect a text or a RegExp, or leave it out.'],
    [{ headers: undefined }, 'headers is undefined: expect an object.'],
  ])('an expectation of %j is told what may be expected, also where no message was sent', async (expected, message) => {
    await expect(queue.expectSent(given(expected))).rejects.toThrow(new TypeError(message));
    await queue.submit(mail);
    await expect(queue.expectNotSent(given(expected))).rejects.toThrow(new TypeError(message));
  });
});
