/** Facts about searches, pages and sums. */
import { describe, expect, test } from 'vitest';
import type { Priority } from '../../../src/queue/message.ts';
import type { Claim, Filter } from '../../../src/queue/store.ts';
import { type Id, newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, LATER, put, sample, settleOne, T } from './samples.ts';

export function findFacts(bench: Bench): void {
  const names = async (filter: Filter): Promise<string[]> => {
    const { rows } = await bench.store.find(filter, { limit: 100 });
    expect(await bench.store.count(filter)).toBe(rows.length);
    return rows.map(({ id, ordinal }) => `${id}/${ordinal}`);
  };

  describe('find', () => {
    test('lists newest first, recipients in their order, with what belongs to the message', async () => {
      const a = await put(bench.store, { to: ['1@x.org', '2@x.org'], subject: 'S', tags: ['t'], size: 7 });
      const b = await put(bench.store);
      expect(await names({})).toEqual([`${b}/1`, `${a}/1`, `${a}/2`]);
      const { rows } = await bench.store.find({ ids: [a] }, { limit: 1 });
      expect(rows[0]).toMatchObject({
        ...{ id: a, ordinal: 1, recipient: '1@x.org', sender: 'app@example.org', messageId: `<${a}@example.org>` },
        ...{ subject: 'S', size: 7, tags: ['t'], createdAt: T, state: 'queued' },
      });
    });

    test('finds the id that stands so many places behind a cursor, whatever it is', async () => {
      const ids = [
        await put(bench.store),
        await put(bench.store, { to: ['1@x.org', '2@x.org'] }),
        await put(bench.store),
      ];
      expect(await bench.store.edge({ limit: 1 })).toBe(ids[1]);
      expect(await bench.store.edge({ limit: 3 })).toBe(ids[0]);
      expect(await bench.store.edge({ limit: 4 })).toBeNull();
      expect(await bench.store.edge({ limit: 0, cursor: `${ids[2]}:1` })).toBe(ids[1]);
      expect(await bench.store.edge({ limit: 3, order: 'oldest' })).toBe(ids[2]);
      expect(await bench.store.edge({ limit: 0, order: 'oldest', cursor: `${ids[1]}:2` })).toBe(ids[2]);
    });

    test('finds an international domain in both spellings, however it came', async () => {
      const put2 = (domain: string): Promise<Id> =>
        put(bench.store, { sender: `ann@${domain}`, to: [{ recipient: `Bob@${domain}` }] });
      const ids = [await put2('xn--bcher-kva.example'), await put2('Bücher.example')];
      await put2('buecher.example');
      for (const domain of ['bücher.example', 'xn--bcher-kva.example', 'BÜCHER.example']) {
        const filters: readonly Filter[] = [
          { recipient: `@${domain}` },
          { recipient: `bob@${domain}` },
          { sender: `@${domain}` },
          { sender: `ann@${domain}` },
          { recipient: `@${domain}`, sender: `ann@${domain}`, states: ['queued'] },
        ];
        for (const filter of filters) {
          const { rows } = await bench.store.find(filter, { limit: 10 });
          expect([filter, rows.map(({ id }) => id).toSorted()]).toEqual([filter, ids.toSorted()]);
        }
      }
      const { rows } = await bench.store.find({ text: 'bücher.example' }, { limit: 10 });
      expect(rows.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    });

    test('answers each field alone, and all together', async () => {
      const ids: Record<string, Id> = {};
      ids.plain = await put(bench.store);
      ids.sender = await put(bench.store, { sender: 'Boss@Other.org', messageId: '<ID@x>', createdAt: T - 50 });
      ids.null = await put(bench.store, { sender: null, subject: 'Große 100% Änderung_x', key: 'order-7' });
      ids.tags = await put(bench.store, { tags: ['a,"b', 'news', 'Übersicht', 'C:\\Temp'], subject: null });
      ids.relay = await put(bench.store, { to: [{ relay: 'b', recipient: 'Some.One@Sub.x.org', held: 'operator' }] });
      const [claim] = (await claimAll(bench.store, { limit: 1 })) as [Claim];
      expect(claim.message.id).toBe(ids.plain);
      await settleOne(bench.store, claim, { state: 'queued', inDoubt: true, reply: LATER }, T + 70);
      const fields: readonly (readonly [string, Filter, readonly string[]])[] = [
        ['state', { states: ['held'] }, ['relay']],
        ['no state', { states: [] }, []],
        ['id from', { idFrom: ids.tags as Id }, ['relay', 'tags']],
        ['id to', { idTo: ids.sender as Id }, ['sender', 'plain']],
        ['id from and to', { idFrom: ids.null as Id, idTo: ids.null as Id }, ['null']],
        ['id from, and state', { idFrom: ids.tags as Id, states: ['held'] }, ['relay']],
        ['several states', { states: ['held', 'queued', 'sent'] }, ['relay', 'tags', 'null', 'sender', 'plain']],
        ['reason', { reason: 'operator' }, ['relay']],
        ['relay', { relay: 'b' }, ['relay']],
        ['recipient', { recipient: 'some.one@SUB.X.ORG' }, ['relay']],
        ['recipient and state', { recipient: 'user@example.com', states: ['held'] }, []],
        ['domain', { recipient: '@sub.x.org' }, ['relay']],
        ['domain above', { recipient: '@x.org' }, []],
        ['sender', { sender: 'boss@other.ORG' }, ['sender']],
        ['sender and state', { sender: 'boss@other.ORG', states: ['queued', 'held'] }, ['sender']],
        ['sender domain', { sender: '@other.org' }, ['sender']],
        ['null sender', { sender: '<>' }, ['null']],
        ['Message-ID', { messageId: '<ID@x>' }, ['sender']],
        ['Message-ID in other case', { messageId: '<id@x>' }, []],
        ['subject', { subject: 'ÄNDERUNG_' }, ['null']],
        ['subject with signs', { subject: '100%' }, ['null']],
        ['subject that nobody has', { subject: '1%0' }, []],
        ['text in the subject', { text: 'änderung_X' }, ['null']],
        ['text in a recipient', { text: 'SUB.x.org' }, ['relay']],
        ['text in a sender', { text: 'boss@' }, ['sender']],
        ['text in a Message-ID', { text: '<id@X>' }, ['sender']],
        ['text in tags and elsewhere', { text: 'NEWS user@example.com' }, ['tags']],
        ['text in the last reply', { text: 'AGAIN' }, ['plain']],
        ['text with capitals beyond ASCII', { text: 'ÜBERsicht' }, ['tags']],
        ['text with signs that JSON escapes', { text: 'c:\\temp "b' }, ['tags']],
        ['words that nobody has together', { text: 'news boss@' }, []],
        ['tag', { tag: 'news' }, ['tags']],
        ['tag with signs', { tag: 'a,"b' }, ['tags']],
        ['part of a tag', { tag: 'b' }, []],
        ['tag in other case', { tag: 'NEWS' }, []],
        ['key', { key: 'order-7' }, ['null']],
        ['key that nobody has', { key: 'order' }, []],
        ['changed after', { changedAfter: T }, ['plain']],
        ['created before', { createdBefore: T }, ['sender']],
        ['created after', { createdAfter: T - 1 }, ['relay', 'tags', 'null', 'plain']],
        ['changed before', { changedBefore: T + 70 }, ['relay', 'tags', 'null', 'sender']],
        ['deferred', { deferred: true }, ['plain']],
        ['deferred and held', { deferred: true, states: ['held'] }, []],
        ['not deferred', { deferred: false }, ['relay', 'tags', 'null', 'sender']],
        ['in doubt', { inDoubt: true }, ['plain']],
        ['not in doubt', { inDoubt: false, relay: 'default' }, ['tags', 'null', 'sender']],
      ];
      for (const [name, filter, expected] of fields) {
        expect([name, await names(filter)]).toEqual([name, expected.map((message) => `${ids[message]}/1`)]);
      }
      const all: Filter = {
        ...{ ids: Object.values(ids), states: ['queued'], recipient: '@example.com', sender: 'app@example.org' },
        ...{ relay: 'default', subject: 'a subject', createdAfter: T - 1, createdBefore: T + 1 },
        ...{ changedBefore: T + 71, deferred: true, inDoubt: true },
      };
      expect(await names(all)).toEqual([`${ids.plain}/1`]);
    });

    test.each<[string, Filter]>([
      ['all', {}],
      ['states', { states: ['held', 'queued'] }],
      ['a recipient', { recipient: '@example.com' }],
      ['a sender', { sender: 'app@example.org' }],
    ])('pages over %s show each row once, while rows arrive', async (_, filter) => {
      const messages = Array.from({ length: 20 }, (_, i) =>
        sample({ to: ['a@example.com', { held: i % 2 === 0 ? 'operator' : null }, 'c@example.com'] }),
      );
      await bench.store.insert(messages, T);
      const seen: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await bench.store.find(filter, cursor === undefined ? { limit: 7 } : { limit: 7, cursor });
        seen.push(...page.rows.map(({ id, ordinal }) => `${id}/${ordinal}`));
        await bench.store.insert([sample({ to: ['new@example.com'] })], T);
        if (page.cursor === null) break;
        cursor = page.cursor;
      }
      const expected = messages
        .toReversed()
        .flatMap(({ message }) => [1, 2, 3].map((ordinal) => `${message.id}/${ordinal}`));
      expect(seen).toEqual(expected);
    });

    test('oldest first is exactly the other way round, also over pages', async () => {
      const parts = [{ to: ['1@x.org', '2@x.org'] }, { to: [{ held: 'operator' as const }] }, { to: ['3@x.org'] }];
      for (const part of parts) await put(bench.store, part);
      for (const filter of [{}, { states: ['queued', 'held'] as const }, { sender: 'app@example.org' }]) {
        const { rows } = await bench.store.find(filter, { limit: 9 });
        const seen: unknown[] = [];
        for (let cursor: string | null | undefined; cursor !== null; ) {
          const page = await bench.store.find(filter, { limit: 3, order: 'oldest', ...(cursor && { cursor }) });
          seen.push(...page.rows);
          cursor = page.cursor;
        }
        expect(seen).toEqual(rows.toReversed());
      }
      const bad = { limit: 5, order: 'oldest', cursor: 'nonsense' } as const;
      expect(await bench.store.find({}, bad)).toEqual({ rows: [], cursor: null });
    });

    test('with a cursor that no page gave finds nothing', async () => {
      await put(bench.store);
      expect(await bench.store.find({}, { limit: 5, cursor: 'nonsense' })).toEqual({ rows: [], cursor: null });
    });
  });

  describe('changed', () => {
    const changed = async (since: number, limit = 100): Promise<string[]> => {
      const seen: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await bench.store.changed(since, { limit, ...(cursor && { cursor }) });
        expect(page.rows.length).toBeLessThanOrEqual(limit);
        seen.push(...page.rows.map(({ recipient, state }) => `${recipient} ${state}`));
        cursor = page.cursor;
      }
      return seen;
    };

    test('has what ended, is held, deferred or in doubt since then, by the time of the change, over pages', async () => {
      const to = ['sent', 'deferred', 'doubt', 'back', 'new', 'claimed'].map((name) => `${name}@x.org`);
      for (const [i, address] of to.entries()) await put(bench.store, { to: [{ recipient: address, dueAt: T + i }] });
      const claims = await claimAll(bench.store, { limit: 4, now: T + 4 });
      const [sent, deferred, doubt, back] = claims as [Claim, Claim, Claim, Claim];
      await settleOne(bench.store, doubt, { state: 'queued', inDoubt: true, giveBack: true, dueAt: T + 99 }, T + 40);
      await settleOne(bench.store, deferred, { state: 'queued', dueAt: T + 99 }, T + 20);
      await settleOne(bench.store, sent, {}, T + 30);
      await settleOne(bench.store, back, { state: 'queued', giveBack: true, dueAt: T + 99 }, T + 50);
      await put(bench.store, { to: [{ recipient: 'held@x.org', held: 'operator' }] });
      await claimAll(bench.store, { limit: 1, now: T + 60 });
      const all = ['held@x.org held', 'deferred@x.org queued', 'sent@x.org sent', 'doubt@x.org queued'];
      expect(await changed(0)).toEqual(all);
      expect(await changed(0, 1)).toEqual(all);
      expect(await changed(T + 20, 2)).toEqual(all.slice(1));
      expect(await changed(T + 41)).toEqual([]);
    });
  });

  describe('get and contentChunk', () => {
    test('of what is not there are null', async () => {
      expect(await bench.store.get(newId(T))).toBeNull();
      expect(await bench.store.get("' OR 1=1")).toBeNull();
      expect(await bench.store.contentChunk(newId(T), 0)).toBeNull();
      expect(await bench.store.contentChunk('nonsense', 0)).toBeNull();
    });
  });

  describe('counts', () => {
    test('sum up states, deferred ones, doubts and the oldest that is due', async () => {
      const nothing = { queued: 0, sending: 0, held: 0, sent: 0, captured: 0, bounced: 0, cancelled: 0 };
      const none = { deferred: 0, inDoubt: 0, lostReports: 0, oldestDue: null, overtaken: null };
      expect(await bench.store.counts(T)).toEqual({ states: nothing, ...none });
      await put(bench.store, { to: [{ held: 'operator' }] });
      await put(bench.store);
      const [claim] = (await claimAll(bench.store)) as [Claim];
      await settleOne(bench.store, claim, { state: 'queued', dueAt: T + 9, inDoubt: true });
      await put(bench.store, {
        to: [
          { relay: 'b', dueAt: T - 7 },
          { relay: 'b', dueAt: T - 3 },
        ],
      });
      await put(bench.store, { priority: 'deferred', to: [{ dueAt: T - 100 }] });
      await put(bench.store, { priority: 'low', to: [{ relay: 'c' }] });
      await claimAll(bench.store, { relay: 'c' });
      const states = { ...nothing, held: 1, queued: 4, sending: 1 };
      expect(await bench.store.counts(T)).toEqual({ states, ...none, deferred: 1, inDoubt: 1, oldestDue: T - 7 });
      expect((await bench.store.counts(T - 8)).oldestDue).toBeNull();
    });

    test('tell what is due for longer than mail of a higher priority for the same relay', async () => {
      const send = (priority: Priority, dueAt: number, relay = 'default') =>
        put(bench.store, { priority, to: [{ dueAt, relay }] });
      await send('low', T - 50);
      await send('high', T - 60);
      await send('medium', T - 9, 'other');
      expect((await bench.store.counts(T)).overtaken).toBeNull();
      await send('medium', T - 10);
      await send('low', T - 40, 'other');
      expect((await bench.store.counts(T)).overtaken).toEqual({ relay: 'default', priority: 'low', since: T - 50 });
      expect((await bench.store.counts(T - 20)).overtaken).toBeNull();
    });

    test('and filter tell reports from other mail, and count those lost in the last day', async () => {
      const about = await put(bench.store);
      const report = await put(bench.store, { sender: null, origin: 'report', reportOn: about });
      const other = await put(bench.store, { sender: null });
      for (const claim of await claimAll(bench.store))
        await settleOne(bench.store, claim, { state: 'bounced', reason: 'refused' });
      const found = await bench.store.find({ reports: true, states: ['bounced'] }, { limit: 10 });
      expect(found.rows).toMatchObject([{ id: report, reportOn: about }]);
      expect((await bench.store.find({ ids: [other] }, { limit: 10 })).rows).toMatchObject([{ reportOn: null }]);
      expect(await bench.store.count({ reports: true })).toBe(1);
      const day = 86_400_000;
      const lost = [T, T + day - 1, T + day].map(async (now) => (await bench.store.counts(now)).lostReports);
      expect(await Promise.all(lost)).toEqual([1, 1, 0]);
      expect(await bench.store.move({ reports: true }, 'queued', { now: T, expiresAt: T })).toBe(1);
      expect((await bench.store.counts(T)).lostReports).toBe(0);
    });
  });
}
