/** Facts about claims, leases and their order. */
import { describe, expect, test } from 'vitest';
import type { Claim } from '../../../src/queue/store.ts';
import { newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, HOLDER, LATER, LEASE, namesOf, put, request, sample, settleOne, stateOf, T } from './samples.ts';

export function claimFacts(bench: Bench): void {
  describe('claim', () => {
    test('gives message, deliveries and content, sending and with the attempt counted', async () => {
      const message = sample({ to: ['a@x.org', 'b@x.org'], tags: ['t'], metadata: { a: 'b' } });
      await bench.store.insert([message], T);
      const [claim] = (await claimAll(bench.store, { now: T + 3 })) as [Claim];
      expect(claim.message).toEqual(message.message);
      expect(Buffer.from(claim.content as Uint8Array).toString()).toBe('hello\r\n');
      expect(claim.deliveries.map((d) => [d.ordinal, d.state, d.attempts, d.changedAt, d.lastAttemptAt])).toEqual([
        [1, 'sending', 1, T + 3, null],
        [2, 'sending', 1, T + 3, null],
      ]);
      expect((await bench.store.get(message.message.id))?.deliveries).toEqual(claim.deliveries);
      expect(await claimAll(bench.store)).toEqual([]);
    });

    test('goes by priority, then due time, then id; deferred ones wait for a person', async () => {
      const put1 = (priority: 'high' | 'medium' | 'low' | 'deferred', dueAt: number) =>
        put(bench.store, { priority, to: [{ dueAt }] });
      const low = await put1('low', T - 100);
      const late = await put1('medium', T - 1);
      const early = await put1('medium', T - 2);
      const twin = await put1('medium', T - 1);
      const high = await put1('high', T);
      await put1('deferred', T - 1000);
      const claims = await claimAll(bench.store);
      expect(claims.map(({ message }) => message.id)).toEqual([high, early, late, twin, low]);
    });

    test('takes nothing before its time, nothing of other relays, nothing held', async () => {
      await put(bench.store, { to: [{ dueAt: T + 1 }] });
      await put(bench.store, { to: [{ relay: 'other' }] });
      await put(bench.store, { to: [{ held: 'operator' }] });
      expect(await claimAll(bench.store)).toEqual([]);
      expect(await claimAll(bench.store, { now: T + 1 })).toHaveLength(1);
      expect(await claimAll(bench.store, { relay: 'other' })).toHaveLength(1);
    });

    test('is not held up by what is urgent but not due', async () => {
      for (let n = 0; n < 50; n++) await put(bench.store, { priority: 'high', to: [{ dueAt: T + 1 }] });
      const low = await put(bench.store, { priority: 'low' });
      expect(namesOf(await claimAll(bench.store, { limit: 1 }))).toEqual([`${low}/1`]);
    });

    test('takes all due deliveries of a message together, also when others were due between them', async () => {
      const id = await put(bench.store, { to: [{ dueAt: T - 9 }, { dueAt: T }, { dueAt: T + 1 }, { relay: 'other' }] });
      const other = await put(bench.store, { to: [{ dueAt: T - 5 }] });
      const claims = await claimAll(bench.store);
      expect(claims.map(({ deliveries }) => deliveries.map((d) => `${d.id}/${d.ordinal}`))).toEqual([
        [`${id}/1`, `${id}/2`],
        [`${other}/1`],
      ]);
    });

    test('shares a message that is larger than the limit between claims', async () => {
      const to = Array.from({ length: 5 }, (_, i) => `user${i}@x.org`);
      const id = await put(bench.store, { to });
      const sizes: number[] = [];
      for (;;) {
        const claims = await claimAll(bench.store, { limit: 2 });
        if (claims.length === 0) break;
        sizes.push(namesOf(claims).length);
        expect(await settleOne(bench.store, claims[0] as Claim)).toBe(true);
      }
      expect(sizes).toEqual([2, 2, 1]);
      expect(await bench.store.count({ ids: [id], states: ['sent'] })).toBe(3);
    });

    test('with a limit takes no more, over many messages', async () => {
      await bench.store.insert(
        Array.from({ length: 300 }, () => sample()),
        T,
      );
      const claims = await claimAll(bench.store, { limit: 257 });
      expect(namesOf(claims)).toHaveLength(257);
      expect(namesOf(await claimAll(bench.store, { limit: 257 }))).toHaveLength(43);
    });

    test('with a number of messages takes no more of them, each whole', async () => {
      for (const name of ['a', 'b', 'c']) await put(bench.store, { to: [1, 2, 3].map((i) => `${name}${i}@x.org`) });
      const claims = await claimAll(bench.store, { messages: 2 });
      expect(claims.map(({ deliveries }) => deliveries.map(({ recipient }) => recipient))).toEqual([
        ['a1@x.org', 'a2@x.org', 'a3@x.org'],
        ['b1@x.org', 'b2@x.org', 'b3@x.org'],
      ]);
      expect(namesOf(await claimAll(bench.store, { messages: 2 }))).toHaveLength(3);
    });

    test('bounces those that were suppressed since, and fills up with others', async () => {
      const ids = [];
      for (const recipient of ['a@x.org', 'b@x.org', 'c@y.org']) ids.push(await put(bench.store, { to: [recipient] }));
      await bench.store.suppress([{ target: '@x.org', reason: 'asked', since: T, until: null, note: null }]);
      const { claims, suppressed } = await bench.store.claim(request({ limit: 1 }));
      expect(claims.map(({ message }) => message.id)).toEqual([ids[2]]);
      expect(suppressed.map(({ id, recipient, entry }) => [id, recipient, entry.target])).toEqual([
        [ids[0], 'a@x.org', '@x.org'],
        [ids[1], 'b@x.org', '@x.org'],
      ]);
      const found = await bench.store.get(ids[0] as string);
      expect(found?.deliveries[0]).toMatchObject({
        ...{ state: 'bounced', reason: 'suppressed', attempts: 0 },
        lastReply: { code: 550, text: 'suppressed with all of @x.org since 2027-01-15 08:00 UTC: asked' },
      });
    });

    test('takes nothing that has expired, and fills up with others', async () => {
      const old = { dueAt: T - 5, expiresAt: T };
      for (let n = 0; n < 30; n++) await put(bench.store, { to: [old] });
      await put(bench.store, { priority: 'high', to: [old] });
      const mixed = await put(bench.store, { to: [old, 'b@x.org', { expiresAt: T + 1 }] });
      const others = [await put(bench.store), await put(bench.store), await put(bench.store)];
      expect(namesOf(await claimAll(bench.store, { limit: 3 }))).toEqual([
        `${mixed}/2`,
        `${mixed}/3`,
        `${others[0]}/1`,
      ]);
      expect(namesOf(await claimAll(bench.store, { limit: 3 }))).toEqual([`${others[1]}/1`, `${others[2]}/1`]);
      expect(await claimAll(bench.store)).toEqual([]);
      const { relay: _, ...expired } = request();
      expect(namesOf(await bench.store.claimExpired(expired))).toHaveLength(32);
    });

    test('that finds only what has expired costs nothing of the rates, and is no probe', async () => {
      await put(bench.store, { to: [{ expiresAt: T }] });
      const rates = [{ limit: 1, window: 1_000 }];
      expect(await claimAll(bench.store, { rates })).toEqual([]);
      await bench.store.faultRelay('default', LATER, T, [0]);
      expect(await bench.store.claim(request({ rates }))).toMatchObject({ claims: [], probe: false });
      const next = await put(bench.store);
      expect(await bench.store.claim(request({ rates }))).toMatchObject({ claims: [{}], probe: true });
      expect((await bench.store.get(next))?.deliveries[0]?.state).toBe('sending');
    });

    test('leaves contents of hundreds of kilobytes to be read by chunks when they are many', async () => {
      const large = Buffer.alloc(200_000, 'x');
      await bench.store.insert(
        Array.from({ length: 60 }, () => sample({ content: large, size: large.byteLength })),
        T,
      );
      const claims = await claimAll(bench.store);
      const inline = claims.filter(({ content }) => content !== undefined);
      expect(claims).toHaveLength(60);
      expect(inline.length).toBeGreaterThan(0);
      expect(inline.length * large.byteLength).toBeLessThan(10_000_000);
      const rest = claims.find(({ content }) => content === undefined) as Claim;
      expect(await bench.store.contentChunk(rest.message.id, 0)).toHaveLength(200_000);
    });

    test('never gives the same delivery twice to callers at the same time', async () => {
      await bench.store.insert(
        Array.from({ length: 200 }, () => sample()),
        T,
      );
      const claims = await Promise.all(Array.from({ length: 20 }, () => claimAll(bench.store, { limit: 15 })));
      const names = claims.flatMap(namesOf);
      expect(names).toHaveLength(200);
      expect(new Set(names).size).toBe(200);
    });
  });

  describe('claimExpired', () => {
    test('takes what is past its expiry, of any relay, paused or not, due or not', async () => {
      await bench.store.pauseRelay('default', { at: T, by: 'me' });
      const past = await put(bench.store, {
        to: [{ expiresAt: T, dueAt: T + 99 }, { expiresAt: T - 1, relay: 'b' }, { expiresAt: T + 1 }],
      });
      const deferred = await put(bench.store, { priority: 'deferred', to: [{ expiresAt: T }] });
      await put(bench.store, { to: [{ expiresAt: T, held: 'operator' }] });
      const { relay: _, ...expired } = request();
      const claims = await bench.store.claimExpired(expired);
      expect(namesOf(claims).toSorted()).toEqual([`${past}/1`, `${past}/2`, `${deferred}/1`].toSorted());
      expect(claims.every(({ content }) => content !== undefined)).toBe(true);
      expect(
        await settleOne(bench.store, claims[0] as Claim, { state: 'bounced', reason: 'expired', giveBack: true }),
      ).toBe(true);
      expect(await bench.store.claimExpired(expired)).toEqual([]);
    });

    test('keeps to its limit', async () => {
      await bench.store.insert(
        Array.from({ length: 5 }, () => sample({ to: [{ expiresAt: T }, { expiresAt: T }] })),
        T,
      );
      const { relay: _, ...expired } = request({ limit: 3 });
      expect(namesOf(await bench.store.claimExpired(expired))).toHaveLength(3);
    });
  });

  describe('leases', () => {
    test('never become shorter by a renewal that was held up', async () => {
      await put(bench.store);
      const [claim] = (await claimAll(bench.store)) as [Claim];
      await bench.store.renew([claim.token], T + 3 * LEASE);
      expect(await bench.store.renew([claim.token], T + 2 * LEASE)).toEqual([claim.token]);
      expect(await bench.store.reclaim(T + 2 * LEASE, [], [0])).toBe(0);
    });

    test('are renewed while they hold, and only then', async () => {
      await put(bench.store);
      await put(bench.store, { to: ['b@x.org'] });
      const [mine, lost] = (await claimAll(bench.store)) as [Claim, Claim];
      await settleOne(bench.store, lost);
      expect(await bench.store.renew([mine.token, lost.token, 'nonsense'], T + 2 * LEASE)).toEqual([mine.token]);
      expect(await bench.store.reclaim(T + LEASE, [], [0])).toBe(0);
      expect(await bench.store.reclaim(T + 2 * LEASE, [], [0])).toBe(1);
      expect(await bench.store.renew([mine.token], T + 9 * LEASE)).toEqual([]);
      expect(await bench.store.renew([], T)).toEqual([]);
    });

    test('that ran out are reclaimed: queued again and in doubt, attempt counted and logged as crashed', async () => {
      const id = await put(bench.store);
      await claimAll(bench.store);
      expect(await bench.store.reclaim(T + LEASE - 1, [], [0])).toBe(0);
      expect(await bench.store.reclaim(T + LEASE, [], [0])).toBe(1);
      const found = await bench.store.get(id);
      expect(found?.deliveries[0]).toMatchObject({
        state: 'queued',
        attempts: 1,
        inDoubt: true,
        lastAttemptAt: T,
        changedAt: T + LEASE,
      });
      expect(found?.attempts).toEqual([
        { ordinal: 1, startedAt: T, durationMs: LEASE, relay: 'default', outcome: 'crashed', reply: null },
      ]);
    });

    test('that end again and again are reclaimed with longer and longer waits, each delivery by itself', async () => {
      const delays = [0, 1000, 9000];
      const id = await put(bench.store);
      let now = T;
      const dues: number[] = [];
      for (let crash = 0; crash < 4; crash++) {
        expect(await claimAll(bench.store, { now, limit: 1 })).toHaveLength(1);
        now += LEASE;
        const unlucky = crash === 3 ? await put(bench.store) : undefined;
        if (unlucky !== undefined) await claimAll(bench.store, { now: now - LEASE });
        expect(await bench.store.reclaim(now, [], delays)).toBe(unlucky === undefined ? 1 : 2);
        const dueAt = (await bench.store.get(id))?.deliveries[0]?.dueAt as number;
        dues.push(dueAt - now);
        now = Math.max(now, dueAt);
        if (unlucky !== undefined) expect((await bench.store.get(unlucky))?.deliveries[0]?.dueAt).toBe(T);
      }
      expect(dues).toEqual([-LEASE, 1000, 9000, 9000]);
    });

    test('of nodes that are dead are reclaimed at once, and of no others', async () => {
      const [dead, alive] = [newId(T), newId(T)];
      const ids = [await put(bench.store), await put(bench.store)];
      await claimAll(bench.store, { holder: dead, limit: 1 });
      await claimAll(bench.store, { holder: alive, limit: 1 });
      expect(await bench.store.reclaim(T, [dead, newId(T)], [0])).toBe(1);
      expect(await stateOf(bench.store, ids[0] as string)).toBe('queued');
      expect(await stateOf(bench.store, ids[1] as string)).toBe('sending');
    });

    test('are reclaimed by the thousand', async () => {
      await bench.store.insert(
        Array.from({ length: 1100 }, () => sample()),
        T,
      );
      await claimAll(bench.store, { limit: 2000 });
      expect(await bench.store.reclaim(T + LEASE, [], [0])).toBe(1100);
      expect(await bench.store.count({ states: ['queued'] })).toBe(1100);
    });

    test('that were reclaimed fence out the one who had them, also after a new claim', async () => {
      const id = await put(bench.store);
      const [old] = (await claimAll(bench.store)) as [Claim];
      await bench.store.reclaim(T + LEASE, [], [0]);
      expect(await settleOne(bench.store, old)).toBe(false);
      const [fresh] = (await claimAll(bench.store, { now: T + LEASE })) as [Claim];
      expect(await settleOne(bench.store, old)).toBe(false);
      expect(await bench.store.release([old.token], T)).toBe(0);
      expect(await bench.store.renew([old.token], T + 9 * LEASE)).toEqual([]);
      expect(await stateOf(bench.store, id)).toBe('sending');
      expect(await settleOne(bench.store, fresh)).toBe(true);
      expect((await bench.store.get(id))?.attempts.map(({ outcome }) => outcome)).toEqual(['crashed', 'sent']);
    });

    test('are released in order: queued again with the attempt given back and no line in the log', async () => {
      const id = await put(bench.store, { to: ['a@x.org', 'b@x.org'] });
      const other = await put(bench.store);
      const [claim, kept] = (await claimAll(bench.store, { holder: HOLDER })) as [Claim, Claim];
      expect(await bench.store.release([claim.token, 'nonsense'], T + 1)).toBe(2);
      const found = await bench.store.get(id);
      expect(found?.deliveries.map((d) => [d.state, d.attempts, d.lastAttemptAt])).toEqual([
        ['queued', 0, null],
        ['queued', 0, null],
      ]);
      expect(found?.attempts).toEqual([]);
      expect(await stateOf(bench.store, other)).toBe('sending');
      expect(await settleOne(bench.store, kept)).toBe(true);
      expect(await bench.store.release([], T)).toBe(0);
    });
  });

  describe('nextDue', () => {
    test('is the least due time of a relay, of what is claimed by itself', async () => {
      expect(await bench.store.nextDue('default')).toBeNull();
      await put(bench.store, { priority: 'high', to: [{ dueAt: T + 9 }] });
      await put(bench.store, { priority: 'low', to: [{ dueAt: T + 5 }] });
      await put(bench.store, { priority: 'deferred', to: [{ dueAt: T - 1 }] });
      await put(bench.store, {
        to: [
          { dueAt: T, relay: 'other' },
          { dueAt: T, held: 'operator' },
        ],
      });
      await bench.store.pauseRelay('default', { at: T, by: 'me' });
      expect(await bench.store.nextDue('default')).toBe(T + 5);
    });
  });
}
