/** Facts about settlements, their log and the reports they owe. */
import { describe, expect, test } from 'vitest';
import type { Claim, SettleGroup } from '../../../src/queue/store.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, LATER, LEASE, put, sample, settlement, settleOne, stateOf, T } from './samples.ts';

export function settleFacts(bench: Bench): void {
  const claimOne = async (): Promise<Claim> => {
    await put(bench.store);
    const [claim] = await claimAll(bench.store);
    return claim as Claim;
  };

  describe('settle', () => {
    test('writes what it says and one line of the log', async () => {
      const claim = await claimOne();
      const attempt = {
        startedAt: T + 1,
        durationMs: 20,
        relay: 'default',
        outcome: 'deferred',
        reply: LATER,
      } as const;
      const part = {
        state: 'queued',
        dueAt: T + 60,
        reply: LATER,
        inDoubt: true,
        delayReported: true,
        attempt,
      } as const;
      expect(await settleOne(bench.store, claim, part, T + 30)).toBe(true);
      const found = await bench.store.get(claim.message.id);
      expect(found?.deliveries[0]).toMatchObject({
        ...{ state: 'queued', reason: null, dueAt: T + 60, attempts: 1, lastReply: LATER, lastAttemptAt: T + 1 },
        ...{ inDoubt: true, delayReported: true, changedAt: T + 30 },
      });
      expect(found?.attempts).toEqual([{ ordinal: 1, ...attempt }]);
    });

    test('keeps whether posthaste said the reply itself, also where a later settlement has none', async () => {
      const claim = await claimOne();
      const lastReply = async () => (await bench.store.get(claim.message.id))?.deliveries[0]?.lastReply;
      await settleOne(bench.store, claim, { state: 'queued', dueAt: T, reply: { ...LATER, ours: true } });
      expect(await lastReply()).toEqual({ ...LATER, ours: true });
      const [second] = await claimAll(bench.store);
      await settleOne(bench.store, second as Claim, { state: 'queued', dueAt: T, reply: null });
      expect(await lastReply()).toEqual({ ...LATER, ours: true });
      const [third] = await claimAll(bench.store);
      await settleOne(bench.store, third as Claim, { state: 'queued', dueAt: T, reply: LATER });
      expect(await lastReply()).toEqual(LATER);
    });

    test.each(['queued', 'held', 'sent', 'captured', 'bounced'] as const)('moves sending to %s', async (state) => {
      const claim = await claimOne();
      const reason = state === 'bounced' ? 'refused' : state === 'held' ? 'doubt' : null;
      expect(await settleOne(bench.store, claim, { state, reason })).toBe(true);
      const found = await bench.store.get(claim.message.id);
      expect(found?.deliveries[0]).toMatchObject({ state, reason });
    });

    test('takes once', async () => {
      const claim = await claimOne();
      const twice = {
        settlements: [settlement(claim), settlement(claim, { state: 'bounced', reason: 'refused' })],
        reports: [],
      };
      expect(await bench.store.settle([twice], T)).toEqual([[true, false]]);
      expect(await settleOne(bench.store, claim)).toBe(false);
      expect(await stateOf(bench.store, claim.message.id)).toBe('sent');
    });

    test('that may be written already takes where it is, once, and not where the claim was lost', async () => {
      const [kept, lost] = [await claimOne(), await claimOne()];
      const again = (claim: Claim): SettleGroup => {
        return { settlements: [settlement(claim)], reports: [sample()], again: true };
      };
      expect(await bench.store.settle([again(kept)], T)).toEqual([[true]]);
      expect(await bench.store.count({})).toBe(3);
      await bench.store.reclaim(T + 2 * LEASE, [], [0]);
      expect(await bench.store.settle([again(kept), again(lost)], T)).toEqual([[true], [false]]);
      expect(await bench.store.count({})).toBe(3);
      expect(await stateOf(bench.store, lost.message.id)).toBe('queued');
    });

    test('takes for the token of the message alone', async () => {
      await put(bench.store);
      await put(bench.store);
      const [a, b] = (await claimAll(bench.store)) as [Claim, Claim];
      const swapped = { ...settlement(a), token: b.token };
      expect(await bench.store.settle([{ settlements: [swapped], reports: [] }], T)).toEqual([[false]]);
      expect(await stateOf(bench.store, a.message.id)).toBe('sending');
    });

    test('without a reply keeps the one from before, without an attempt logs nothing', async () => {
      const claim = await claimOne();
      await settleOne(bench.store, claim, { state: 'queued', reply: LATER });
      const [again] = (await claimAll(bench.store)) as [Claim];
      expect(await settleOne(bench.store, again, { state: 'queued', giveBack: true, reply: null, attempt: null })).toBe(
        true,
      );
      const found = await bench.store.get(claim.message.id);
      expect(found?.deliveries[0]).toMatchObject({ attempts: 1, lastReply: LATER, lastAttemptAt: T + 1 });
      expect(found?.attempts).toHaveLength(1);
    });

    test('with a reply that has no enhanced status drops the old one', async () => {
      const claim = await claimOne();
      await settleOne(bench.store, claim, { state: 'queued', reply: LATER });
      const [again] = (await claimAll(bench.store)) as [Claim];
      await settleOne(bench.store, again, { reply: { code: 250, text: '' } });
      expect((await bench.store.get(claim.message.id))?.deliveries[0]?.lastReply).toEqual({ code: 250, text: '' });
    });

    test('keeps reports in the same transaction', async () => {
      const claim = await claimOne();
      const report = sample({
        sender: null,
        origin: 'report',
        reportOn: claim.message.id,
        content: Buffer.from('report'),
      });
      const group = { settlements: [settlement(claim, { state: 'bounced', reason: 'refused' })], reports: [report] };
      expect(await bench.store.settle([group], T)).toEqual([[true]]);
      expect((await bench.store.get(report.message.id))?.message).toEqual(report.message);
      expect(Buffer.from((await claimAll(bench.store))[0]?.content ?? []).toString()).toBe('report');
    });

    test('whose report cannot be kept leaves its delivery sending, and those of the other groups', async () => {
      const taken = await put(bench.store, { to: [{ relay: 'other' }] });
      await put(bench.store);
      await put(bench.store);
      const [a, b] = (await claimAll(bench.store)) as [Claim, Claim];
      const groups = [
        { settlements: [settlement(a)], reports: [sample({ id: taken })] },
        { settlements: [settlement(b)], reports: [] },
      ];
      await expect(bench.store.settle(groups, T)).rejects.toThrow();
      expect(await stateOf(bench.store, a.message.id)).toBe('sending');
      expect((await bench.store.get(a.message.id))?.attempts).toEqual([]);
      expect(await stateOf(bench.store, b.message.id)).toBe('sending');
      expect(await settleOne(bench.store, a)).toBe(true);
      expect(await settleOne(bench.store, b)).toBe(true);
    });

    test('of a group of which nothing held keeps no report; of one of which something held it does', async () => {
      const to = ['a@x.org', 'b@x.org'];
      const id = await put(bench.store, { to });
      const [claim] = (await claimAll(bench.store)) as [Claim];
      const [one, two] = [sample(), sample()];
      const both = [settlement(claim), { ...settlement(claim), ordinal: 2 }];
      await settleOne(bench.store, claim);
      expect(await bench.store.settle([{ settlements: both, reports: [one] }], T)).toEqual([[false, true]]);
      expect(await bench.store.settle([{ settlements: both, reports: [two] }], T)).toEqual([[false, false]]);
      expect(await bench.store.get(one.message.id)).not.toBeNull();
      expect(await bench.store.get(two.message.id)).toBeNull();
      expect((await bench.store.get(id))?.attempts).toHaveLength(2);
    });

    test('of hundreds at once answers for each', async () => {
      await bench.store.insert(
        Array.from({ length: 300 }, () => sample()),
        T,
      );
      const claims = await claimAll(bench.store, { limit: 300 });
      const groups = claims.map((claim) => ({ settlements: [settlement(claim)], reports: [] }));
      expect((await bench.store.settle(groups, T)).flat()).toEqual(Array(300).fill(true));
      expect(await bench.store.settle([], T)).toEqual([]);
    });

    test('logs the tries of a delivery in their order', async () => {
      const claim = await claimOne();
      for (const code of [451, 452, 453]) {
        const [next] = code === 451 ? [claim] : await claimAll(bench.store);
        const reply = { code, text: 'later' };
        const attempt = { startedAt: T, durationMs: 1, relay: 'default', outcome: 'deferred', reply } as const;
        await settleOne(bench.store, next as Claim, { state: 'queued', reply, attempt });
      }
      const found = await bench.store.get(claim.message.id);
      expect(found?.attempts.map(({ reply }) => reply?.code)).toEqual([451, 452, 453]);
      expect(found?.deliveries[0]?.attempts).toBe(3);
    });
  });
}
