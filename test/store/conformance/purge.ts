/** Facts about the removal of what has ended. */
import { describe, expect, test } from 'vitest';
import type { Claim } from '../../../src/queue/store.ts';
import { newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, contentOf, put, putSent, sample, settlement, settleOne, T } from './samples.ts';

export function purgeFacts(bench: Bench): void {
  /** Removes as many as were counted before. */
  const purge = async (filter = {}, limit = 100): Promise<number> => {
    const chosen = { changedBefore: T + 10, ...filter };
    const before = await bench.store.purgeable(chosen);
    const purged = await bench.store.purge(chosen, limit);
    expect(await bench.store.purgeable(chosen)).toBe(before - purged);
    if (before < limit) expect(purged).toBe(before);
    return purged;
  };

  describe('dropContents', () => {
    const drop = (limit = 100) => bench.store.dropContents(limit);
    const kept = async (id: string) => (await bench.store.get(id))?.contentKept;

    test('drops the contents of those that do not keep theirs, and leaves all else that is known', async () => {
      const id = newId(T);
      await bench.store.stage(id, 0, Buffer.from('one'), T);
      await putSent(bench.store, { id, stagedChunks: 1, keepContent: false, subject: 'S' });
      const small = await putSent(bench.store, { keepContent: false });
      const other = await putSent(bench.store);
      expect(await drop()).toBe(2);
      expect([await kept(id), await kept(small), await kept(other)]).toEqual([false, false, true]);
      expect([await contentOf(bench.store, id), await contentOf(bench.store, small)]).toEqual([null, null]);
      const found = await bench.store.get(id);
      expect(found).toMatchObject({ message: { subject: 'S', keepContent: false }, deliveries: [{ state: 'sent' }] });
      expect(found?.attempts).toHaveLength(1);
      expect((await bench.store.find({ recipient: 'user@example.com' }, { limit: 9 })).rows).toHaveLength(3);
      expect(await drop()).toBe(0);
    });

    test('leaves what has ended only in part, is held, or waits', async () => {
      const parts = await put(bench.store, { to: ['a@x.org', 'b@x.org'], keepContent: false });
      const [claim] = (await claimAll(bench.store)) as [Claim];
      await settleOne(bench.store, claim, { state: 'bounced', reason: 'refused' });
      const held = await put(bench.store, { to: [{ held: 'operator' }], keepContent: false });
      const waits = await put(bench.store, { keepContent: false });
      expect(await drop()).toBe(0);
      expect([await kept(parts), await kept(held), await kept(waits)]).toEqual([true, true, true]);
      const second = { ...settlement(claim), ordinal: 2 };
      await bench.store.settle([{ settlements: [second], reports: [] }], T);
      expect(await drop()).toBe(1);
      expect(await kept(parts)).toBe(false);
    });

    test('finds what has ended behind any number of older ones that wait', async () => {
      const waiting = Array.from({ length: 2_100 }, () => sample({ keepContent: false, to: [{ dueAt: T + 1_000 }] }));
      for (let n = 0; n < waiting.length; n += 300) await bench.store.insert(waiting.slice(n, n + 300), T);
      const ended = await putSent(bench.store, { keepContent: false });
      expect(await drop()).toBe(1);
      expect(await contentOf(bench.store, ended)).toBeNull();
      expect(await drop()).toBe(0);
    });

    test('takes at most its limit in a call, and no delivery is queued again without its content', async () => {
      const move = { now: T, expiresAt: T + 9 };
      const cancelled: string[] = [];
      for (let i = 0; i < 3; i++) cancelled.push(await put(bench.store, { keepContent: false }));
      await bench.store.move({}, 'cancelled', move);
      expect(await drop(2)).toBe(2);
      expect(await bench.store.move({ states: ['cancelled'] }, 'queued', move)).toBe(1);
      const states = (await bench.store.find({}, { limit: 9, order: 'oldest' })).rows.map(({ state }) => state);
      expect(states).toEqual(['cancelled', 'cancelled', 'queued']);
      expect(await drop()).toBe(0);
      expect(await kept(cancelled[2] as string)).toBe(true);
    });
  });

  describe('purge', () => {
    test('removes an ended message with all that belongs to it', async () => {
      const id = newId(T);
      await bench.store.stage(id, 0, Buffer.from('one'), T);
      await putSent(bench.store, { id, stagedChunks: 1, key: 'k' });
      expect(await purge()).toBe(1);
      expect(await bench.store.get(id)).toBeNull();
      expect(await contentOf(bench.store, id)).toBeNull();
      expect(await bench.store.count({})).toBe(0);
      expect((await bench.store.insert([sample({ key: 'k' })], T))[0]?.duplicate).toBe(false);
      expect(await purge()).toBe(0);
    });

    test('leaves alone what changed later, what has not ended, and what has ended only in part', async () => {
      await putSent(bench.store, {}, T + 10);
      await put(bench.store, { to: ['a@x.org', 'b@x.org'] });
      const [claim] = (await claimAll(bench.store)) as [Claim];
      await settleOne(bench.store, claim);
      await put(bench.store, { to: [{ held: 'operator' }] });
      expect(await purge()).toBe(0);
      const second = { ...settlement(claim), ordinal: 2 };
      await bench.store.settle([{ settlements: [second], reports: [] }], T);
      expect(await purge()).toBe(1);
      expect(await bench.store.count({})).toBe(2);
    });

    test('removes only messages all of whose deliveries fit the filter', async () => {
      const mixed = await put(bench.store, { to: ['a@x.org', 'b@x.org'] });
      const [claim] = (await claimAll(bench.store)) as [Claim];
      const bounced = { ...settlement(claim, { state: 'bounced', reason: 'refused' }), ordinal: 2 };
      await bench.store.settle([{ settlements: [settlement(claim), bounced], reports: [] }], T);
      await putSent(bench.store, { sender: 'other@example.org', tags: ['x'] });
      expect(await purge({ states: ['bounced'] })).toBe(0);
      expect(await purge({ reason: 'refused' })).toBe(0);
      expect(await purge({ states: ['queued'] })).toBe(0);
      expect(await purge({ tag: 'y' })).toBe(0);
      expect(await purge({ sender: 'other@example.org', tag: 'x', states: ['sent'] })).toBe(1);
      expect(await purge({ states: ['sent', 'bounced'] })).toBe(1);
      expect(await bench.store.get(mixed)).toBeNull();
    });

    test('takes at most its limit in a call', async () => {
      await bench.store.insert(
        Array.from({ length: 150 }, () => sample({ to: ['a@x.org', 'b@x.org'] })),
        T,
      );
      const claims = await claimAll(bench.store, { limit: 1000 });
      const settlements = claims.flatMap((claim) => [settlement(claim), { ...settlement(claim), ordinal: 2 }]);
      await bench.store.settle([{ settlements, reports: [] }], T);
      const purged = await purge({}, 100);
      expect(purged).toBeGreaterThan(0);
      expect(purged).toBeLessThanOrEqual(100);
      let left = 150 - purged;
      for (let some = purged; some > 0; left -= some) some = await purge({}, 100);
      expect(left).toBe(0);
      expect(await bench.store.count({})).toBe(0);
    });
  });
}
