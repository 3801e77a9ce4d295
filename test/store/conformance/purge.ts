/** Facts about the removal of what has ended. */
import { describe, expect, test } from 'vitest';
import type { Claim } from '../../../src/queue/store.ts';
import { newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, contentOf, put, putSent, sample, settlement, settleOne, T } from './samples.ts';

export function purgeFacts(bench: Bench): void {
  const purge = (filter = {}, limit = 100) => bench.store.purge({ changedBefore: T + 10, ...filter }, limit);

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
