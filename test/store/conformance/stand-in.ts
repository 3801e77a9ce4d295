/** Facts about another relay that sends in the place of a faulty one. */
import { describe, expect, test } from 'vitest';
import type { Claim, ClaimRequest } from '../../../src/queue/store.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, namesOf, put, settlement, T } from './samples.ts';

const FAULT = { code: 421, status: '4.4.1', text: 'no answer' };

export function standInFacts(bench: Bench): void {
  const standIn = async (part: Partial<ClaimRequest> = {}): Promise<string[]> =>
    namesOf(await claimAll(bench.store, { standIn: true, ...part }));
  const fault = (delay: number) => bench.store.faultRelay('default', FAULT, T, [delay]);

  describe('a stand-in', () => {
    test('claims what is due at a faulty relay, in its pause and beside its probe', async () => {
      const ids = [await put(bench.store), await put(bench.store), await put(bench.store)];
      await fault(1000);
      expect(await standIn({ limit: 1 })).toEqual([`${ids[0]}/1`]);
      const before = await bench.store.relays();
      expect(await standIn({ limit: 1, now: T + 1000 })).toEqual([`${ids[1]}/1`]);
      expect(await bench.store.relays()).toEqual(before);
      // The relay's own worker still gets its probe.
      expect(namesOf(await claimAll(bench.store, { now: T + 1000 }))).toEqual([`${ids[2]}/1`]);
    });

    test('gets nothing of a relay that an operator paused', async () => {
      await put(bench.store);
      await fault(1000);
      await bench.store.pauseRelay('default', { at: T, by: 'Ada' });
      expect(await standIn()).toEqual([]);
    });

    test('never gets a delivery in doubt, only the others of its message and those behind it', async () => {
      const mixed = await put(bench.store, { to: ['a@x.org', 'b@x.org'] });
      const doubtful = await put(bench.store);
      const doubts = ((await claimAll(bench.store)) as [Claim, Claim]).map((claim) =>
        settlement(claim, { state: 'queued', inDoubt: true }),
      );
      await bench.store.settle([{ settlements: doubts, reports: [] }], T);
      const [rest] = (await bench.store.get(mixed))?.deliveries.slice(1) ?? [];
      expect(rest).toMatchObject({ ordinal: 2, state: 'sending' });
      await bench.store.reclaim(T + 1e6, [], [0]);
      const behind = await put(bench.store, { to: [{ dueAt: T + 1e6 }] });
      await fault(1000);
      expect(await standIn({ limit: 1, now: T + 1e6 })).toEqual([`${mixed}/2`]);
      expect(await standIn({ now: T + 1e6 })).toEqual([`${behind}/1`]);
      expect(namesOf(await claimAll(bench.store, { now: T + 1e6, limit: 1 }))).toHaveLength(1);
      expect(await bench.store.count({ ids: [doubtful, mixed], inDoubt: true })).toBe(2);
    });

    test('spends the rates of the relay that really sends', async () => {
      for (let n = 0; n < 5; n++) await put(bench.store);
      await put(bench.store, { to: [{ relay: 'backup' }] });
      const rates = [{ limit: 3, window: 60_000 }];
      await fault(1000);
      expect(await standIn({ rates, ratesOf: 'backup' })).toHaveLength(3);
      expect(await claimAll(bench.store, { relay: 'backup', rates })).toEqual([]);
      const states = await bench.store.relays();
      expect(states.map(({ relay, limitedUntil }) => [relay, limitedUntil !== null])).toEqual([
        ['backup', true],
        ['default', false],
      ]);
    });
  });
}
