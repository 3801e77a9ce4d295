/** Facts about another relay that sends in the place of a faulty one. */
import { describe, expect, test } from 'vitest';
import type { Claim, ClaimRequest } from '../../../src/queue/store.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, LEASE, namesOf, put, settlement, settleOne, T } from './samples.ts';

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

    test('that has faults itself probes with one message of the other, when its pause is over', async () => {
      const ids = [await put(bench.store), await put(bench.store)];
      await fault(1000);
      await bench.store.faultRelay('backup', FAULT, T, [500]);
      const probe = (now: number) => standIn({ ratesOf: 'backup', now });
      expect(await probe(T + 499)).toEqual([]);
      expect(await probe(T + 500)).toEqual([`${ids[0]}/1`]);
      expect(await probe(T + 501)).toEqual([]);
      await bench.store.healRelay('backup', T + 502);
      expect(await probe(T + 502)).toEqual([`${ids[1]}/1`]);
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
      const tokens = doubts.map(({ token }) => token);
      const [rest] = (await bench.store.get(mixed))?.deliveries.slice(1) ?? [];
      expect(rest).toMatchObject({ ordinal: 2, state: 'sending' });
      await bench.store.release(tokens, T + 500_000);
      const behind = await put(bench.store, { to: [{ dueAt: T + 500_000 }] });
      await fault(1000);
      expect(await standIn({ limit: 1, now: T + 500_000 })).toEqual([`${mixed}/2`]);
      expect(await standIn({ now: T + 500_000 })).toEqual([`${behind}/1`]);
      expect(namesOf(await claimAll(bench.store, { now: T + 500_000, limit: 1 }))).toHaveLength(1);
      expect(await bench.store.count({ ids: [doubtful, mixed], inDoubt: true })).toBe(2);
    });

    test('never gets what a process was sending when it ended: the relay may have it', async () => {
      const id = await put(bench.store);
      await claimAll(bench.store);
      await bench.store.reclaim(T + LEASE, [], [0]);
      await fault(1000);
      expect(await standIn({ now: T + LEASE })).toEqual([]);
      expect(namesOf(await claimAll(bench.store, { now: T + LEASE }))).toEqual([`${id}/1`]);
    });

    test('has what it left in doubt as its own from then on', async () => {
      const id = await put(bench.store);
      await fault(1000);
      const [claim] = (await claimAll(bench.store, { standIn: true, ratesOf: 'backup' })) as [Claim];
      await settleOne(bench.store, claim, { state: 'queued', inDoubt: true, relay: 'backup' });
      expect((await bench.store.get(id))?.deliveries[0]).toMatchObject({ relay: 'backup', inDoubt: true });
      expect(await claimAll(bench.store, { now: T + 500_000 })).toEqual([]);
      expect(namesOf(await claimAll(bench.store, { relay: 'backup' }))).toEqual([`${id}/1`]);
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
