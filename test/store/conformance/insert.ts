/** Facts about submission, staging and suppression at submission. */
import { describe, expect, test } from 'vitest';
import { newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, contentOf, put, sample, stateOf, T } from './samples.ts';

export function insertFacts(bench: Bench): void {
  describe('insert', () => {
    test('keeps every field of a message and its deliveries', async () => {
      const message = sample({
        sender: null,
        subject: 'Grüße',
        eightBit: true,
        smtputf8: true,
        ret: 'hdrs',
        envelopeId: 'env+2B',
        priority: 'low',
        origin: 'report',
        reportOn: newId(T),
        key: 'order-17',
        tags: ['invoice', 'a "quoted" one'],
        metadata: { order: '17', __proto__x: 'y' },
        retry: { firstDelay: 500, maxAttempts: null },
        trace: { traceparent: `00-${'0af7'.repeat(8)}-${'b7ad'.repeat(4)}-01`, tracestate: 'congo=t61,rojo=00f0' },
        to: [
          { recipient: 'A.User@Example.com', notify: ['failure', 'delay'], originalRecipient: 'rfc822;A+20User@x' },
          {
            recipient: 'held@example.com',
            held: 'operator',
            relay: 'other',
            dueAt: T + 5,
            expiresAt: T + 9,
            notify: ['never'],
          },
        ],
      });
      await bench.store.insert([message], T);
      const found = await bench.store.get(message.message.id);
      expect(found?.message).toEqual(message.message);
      expect(found?.contentKept).toBe(true);
      expect(found?.attempts).toEqual([]);
      const common = {
        ...{ id: message.message.id, priority: 'low', createdAt: T, attempts: 0, lastReply: null, lastAttemptAt: null },
        ...{ inDoubt: false, delayReported: false, changedAt: T },
      };
      const { held: _, ...first } = message.deliveries[0] as (typeof message.deliveries)[number];
      const { held: __, ...second } = message.deliveries[1] as (typeof message.deliveries)[number];
      expect(found?.deliveries).toEqual([
        { ...common, ...first, ordinal: 1, state: 'queued', reason: null },
        { ...common, ...second, ordinal: 2, state: 'held', reason: 'operator' },
      ]);
    });

    test('is seen by another process when it resolves', async () => {
      const id = await put(bench.store);
      const other = await bench.another();
      expect(await contentOf(other, id)).toBe('hello\r\n');
    });

    test('answers in the order of its messages, however many', async () => {
      const messages = Array.from({ length: 333 }, () => sample({ to: ['a@x.org', 'b@x.org'] }));
      const inserted = await bench.store.insert(messages, T);
      expect(inserted).toEqual(messages.map(({ message }) => ({ id: message.id, duplicate: false })));
      expect(await bench.store.count({})).toBe(666);
    });

    test('of nothing is nothing', async () => {
      expect(await bench.store.insert([], T)).toEqual([]);
    });

    test('leaves the bytes of the caller alone', async () => {
      const slab = Buffer.from('..hello..');
      const id = await put(bench.store, { content: slab.subarray(2, 7) });
      expect(slab.toString()).toBe('..hello..');
      expect(await contentOf(bench.store, id)).toBe('hello');
    });

    test('keeps an empty content and one of a megabyte', async () => {
      const empty = await put(bench.store, { content: new Uint8Array(0) });
      const large = await put(bench.store, { content: Buffer.alloc(1_000_000, 'x') });
      expect(await bench.store.contentChunk(empty, 0)).toHaveLength(0);
      expect(await contentOf(bench.store, large)).toHaveLength(1_000_000);
    });

    test('with a taken key is a duplicate of the first and leaves no trace', async () => {
      const first = await put(bench.store, { key: 'k' });
      const again = sample({ key: 'k', to: ['else@example.com'] });
      expect(await bench.store.insert([again, sample()], T)).toEqual([
        { id: first, duplicate: true, first: { messageId: `<${first}@example.org>`, differs: false } },
        { id: expect.any(String), duplicate: false },
      ]);
      expect(await bench.store.get(again.message.id)).toBeNull();
      expect(await bench.store.contentChunk(again.message.id, 0)).toBeNull();
      expect(await bench.store.count({ recipient: 'else@example.com' })).toBe(0);
    });

    test('with the same key twice in one call keeps the first of them', async () => {
      const [a, b] = [sample({ key: 'k' }), sample({ key: 'k' })];
      const inserted = await bench.store.insert([a, b], T);
      expect(inserted).toEqual([
        { id: a.message.id, duplicate: false },
        { id: a.message.id, duplicate: true, first: { messageId: a.message.messageId, differs: false } },
      ]);
    });

    test('with a taken key says whether the first was another message, where both have a digest', async () => {
      const [one, two] = [Uint8Array.of(0, 1), Uint8Array.of(0, 2)];
      await bench.store.insert([{ ...sample({ key: 'k' }), keyDigest: one }, sample({ key: 'l' })], T);
      const again = (key: string, keyDigest?: Uint8Array) => ({ ...sample({ key }), ...(keyDigest && { keyDigest }) });
      const messages = [again('k', one), again('k', two), again('k'), again('l', two)];
      const answers = await bench.store.insert(messages, T);
      expect(answers.map(({ first }) => first?.differs)).toEqual([false, true, false, false]);
    });

    test('with the same key at the same time from two processes keeps one', async () => {
      const other = await bench.another();
      const results = await Promise.all(
        [bench.store, other, bench.store, other].map((store) => store.insert([sample({ key: 'k' })], T)),
      );
      const ids = new Set(results.flat().map(({ id }) => id));
      expect(ids.size).toBe(1);
      expect(results.flat().filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(await bench.store.count({})).toBe(1);
    });

    test('with an id that is taken fails and changes nothing', async () => {
      const id = await put(bench.store);
      await expect(bench.store.insert([sample(), sample({ id, to: ['b@x.org'] })], T)).rejects.toThrow();
      expect(await bench.store.count({})).toBe(1);
    });

    test('that fails leaves others that came at the same time unharmed', async () => {
      const id = await put(bench.store);
      const calls = [sample(), sample({ id }), sample()].map((message) => bench.store.insert([message], T));
      const results = await Promise.allSettled(calls);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(await bench.store.count({})).toBe(3);
    });

    test('bounces suppressed recipients, by address and by domain, without case', async () => {
      await bench.store.suppress([
        { target: 'NO@example.com', reason: 'asked', since: T, until: null, note: null },
        { target: '@blocked.org', reason: 'spam trap', since: T, until: T + 10, note: 'x' },
        { target: 'was@example.com', reason: 'full', since: T - 9, until: T, note: null },
      ]);
      const to = ['no@Example.com', 'yes@example.com', 'any@BLOCKED.org', 'was@example.com', 'x@sub.blocked.org'];
      const id = await put(bench.store, { to });
      const found = await bench.store.get(id);
      expect(found?.deliveries.map(({ state, reason }) => [state, reason])).toEqual([
        ['bounced', 'suppressed'],
        ['queued', null],
        ['bounced', 'suppressed'],
        ['queued', null],
        ['queued', null],
      ]);
      const since = 'since 2027-01-15 08:00 UTC';
      const said = (text: string): object => ({ code: 550, status: '5.7.1', text, ours: true });
      expect(found?.deliveries.map(({ lastReply }) => lastReply)).toEqual([
        said(`suppressed ${since}: asked`),
        null,
        said(`suppressed with all of @blocked.org ${since}, until 2027-01-15 08:00 UTC: spam trap (x)`),
        null,
        null,
      ]);
    });

    test('names the recipients that are suppressed, and keeps a message of which all are', async () => {
      await bench.store.suppress([{ target: '@x.org', reason: 'asked', since: T, until: null, note: null }]);
      const messages = [sample({ to: ['a@x.org', 'b@y.org'] }), sample(), sample({ to: ['a@x.org', 'c@x.org'] })];
      const answers = await bench.store.insert(messages, T);
      expect(answers.map(({ suppressed }) => suppressed)).toEqual([['a@x.org'], undefined, ['a@x.org', 'c@x.org']]);
      const all = await bench.store.get(messages[2]?.message.id as string);
      expect(all?.deliveries.map(({ state, reason }) => `${state}/${reason}`)).toEqual(
        Array(2).fill('bounced/suppressed'),
      );
    });

    test('finds a suppressed mailbox in every spelling of its domain and its local part', async () => {
      const entry = { reason: 'asked', since: T, until: null, note: null };
      const targets = ['anna@xn--bcher-kva.example', '@MÜNCHEN.example', 'JÖRG@x.org', '"ann"@x.org', '"a b"@x.org'];
      await bench.store.suppress(targets.map((target) => ({ ...entry, target })));
      const barred = [
        'Anna@bücher.example',
        'x@xn--mnchen-3ya.example',
        'y@münchen.EXAMPLE',
        'jo\u0308rg@x.org',
        'ANN@x.org',
      ];
      const to = [...barred, '"\\ann"@x.org', '"A B"@x.org', 'anna@buecher.example', 'ab@x.org'];
      const found = await bench.store.get(await put(bench.store, { to }));
      expect(
        found?.deliveries.filter(({ reason }) => reason === 'suppressed').map(({ recipient }) => recipient),
      ).toEqual(to.slice(0, 7));
    });

    test('tells of the address where it and its domain are suppressed', async () => {
      const entry = { since: T, until: null, note: null };
      await bench.store.suppress([
        { ...entry, target: '@x.org', reason: 'moved' },
        { ...entry, target: 'a@x.org', reason: 'complaint' },
      ]);
      const id = await put(bench.store, { to: ['a@x.org', 'b@x.org'] });
      const texts = (await bench.store.get(id))?.deliveries.map(({ lastReply }) => lastReply?.text);
      expect(texts).toEqual([
        'suppressed since 2027-01-15 08:00 UTC: complaint',
        'suppressed with all of @x.org since 2027-01-15 08:00 UTC: moved',
      ]);
    });
  });

  describe('stage', () => {
    const chunk = (text: string): Uint8Array => Buffer.from(text);

    test('keeps chunks that become their message’s', async () => {
      const id = newId(T);
      await bench.store.stage(id, 0, chunk('one '), T);
      await bench.store.stage(id, 1, chunk('two'), T);
      await put(bench.store, { id, stagedChunks: 2, size: 7 });
      expect(await contentOf(bench.store, id)).toBe('one two');
      expect((await bench.store.get(id))?.contentKept).toBe(true);
      expect(await bench.store.sweepStaged(T + 1)).toBe(0);
      await bench.store.unstage(id);
      expect(await contentOf(bench.store, id)).toBe('one two');
      const [claim] = await claimAll(bench.store);
      expect(claim?.content).toBeUndefined();
    });

    test('of a content that is not whole makes its insert fail', async () => {
      const id = newId(T);
      await bench.store.stage(id, 0, chunk('one'), T);
      await expect(put(bench.store, { id, stagedChunks: 2 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await stateOf(bench.store, id)).toBeUndefined();
    });

    test('is undone by unstage', async () => {
      const id = newId(T);
      await bench.store.stage(id, 0, chunk('one'), T);
      await bench.store.unstage(id);
      expect(await contentOf(bench.store, id)).toBeNull();
      expect(await bench.store.sweepStaged(T + 1)).toBe(0);
    });

    test('is swept when it is old and no message came', async () => {
      const [old, young] = [newId(T), newId(T)];
      await bench.store.stage(old, 0, chunk('old'), T);
      await bench.store.stage(young, 0, chunk('young'), T + 5);
      expect(await bench.store.sweepStaged(T + 5)).toBe(1);
      expect(await contentOf(bench.store, old)).toBeNull();
      expect(await contentOf(bench.store, young)).toBe('young');
    });

    test('of a duplicate is dropped with it', async () => {
      await put(bench.store, { key: 'k' });
      const id = newId(T);
      await bench.store.stage(id, 0, chunk('again'), T);
      await put(bench.store, { id, key: 'k', stagedChunks: 1 });
      expect(await contentOf(bench.store, id)).toBeNull();
      expect(await bench.store.sweepStaged(T + 1)).toBe(0);
    });
  });
}
