/** Facts about messages that are claimed as they are inserted. */
import { describe, expect, test } from 'vitest';
import { PRIORITIES } from '../../../src/queue/message.ts';
import type { Claim, Inserted, Take } from '../../../src/queue/store.ts';
import { newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, HOLDER, LEASE, type MessagePart, namesOf, put, sample, settleOne, stateOf, T } from './samples.ts';

const FAULT = { code: 421, status: '4.4.1', text: 'no answer' };

export function takeFacts(bench: Bench): void {
  const take = (part: Partial<Take> = {}): Take => ({
    ...{ relay: 'default', limit: 100, until: T + LEASE, holder: HOLDER },
    ...part,
  });
  const insert = (parts: readonly MessagePart[], takes: readonly Take[] = [take()]): Promise<readonly Inserted[]> =>
    bench.store.insert(parts.map(sample), T, takes);
  /** For each message: whether it was claimed. */
  const taken = async (parts: readonly MessagePart[], takes?: readonly Take[]): Promise<boolean[]> =>
    (await insert(parts, takes)).map(({ token }) => token !== undefined);
  /** The right to a message, in the form in which `settleOne` wants it. */
  const claimOf = async ({ id, token }: Inserted): Promise<Claim> => {
    const found = await bench.store.get(id);
    return { ...found, token, content: undefined } as unknown as Claim;
  };

  describe('insert with a take', () => {
    test('gives messages that are sending, with the attempt counted, to that worker alone', async () => {
      const [first] = (await insert([{ to: ['a@x.org', 'b@x.org'] }])) as [Inserted];
      const found = await bench.store.get(first.id);
      expect(found?.deliveries.map((d) => [d.ordinal, d.state, d.attempts, d.changedAt])).toEqual([
        [1, 'sending', 1, T],
        [2, 'sending', 1, T],
      ]);
      expect(await claimAll(bench.store)).toEqual([]);
    });

    test('gives a token that fences like any other', async () => {
      const [first, second] = (await insert([{}, {}])) as [Inserted, Inserted];
      expect(first.token).not.toBe(second.token);
      const [one, other] = [await claimOf(first), await claimOf(second)];
      expect(await settleOne(bench.store, { ...one, token: other.token })).toBe(false);
      expect(await settleOne(bench.store, one)).toBe(true);
      expect(await settleOne(bench.store, one)).toBe(false);
      expect(await stateOf(bench.store, first.id)).toBe('sent');
      expect(await bench.store.renew([one.token, other.token], T + 2 * LEASE)).toEqual([other.token]);
      expect(await bench.store.release([other.token], T)).toBe(1);
      expect(await claimAll(bench.store)).toMatchObject([{ deliveries: [{ id: second.id, attempts: 1 }] }]);
    });

    test('gives them back when the lease ends, and when the worker is gone, the attempt counted and logged', async () => {
      const gone = newId(T);
      const [first] = (await insert([{}])) as [Inserted];
      const [second] = (await insert([{}], [take({ holder: gone })])) as [Inserted];
      expect(await bench.store.reclaim(T, [gone], [0])).toBe(1);
      expect(await stateOf(bench.store, second.id)).toBe('queued');
      expect(await bench.store.reclaim(T + LEASE, [], [0])).toBe(1);
      const found = await bench.store.get(first.id);
      expect(found?.deliveries).toMatchObject([{ state: 'queued', attempts: 1 }]);
      expect(found?.attempts).toMatchObject([{ outcome: 'crashed', startedAt: T }]);
    });

    test('is an insert like any other for a relay that nobody takes for', async () => {
      expect(await taken([{}, { to: [{ relay: 'other' }] }], [])).toEqual([false, false]);
      expect(await taken([{ to: [{ relay: 'third' }] }])).toEqual([false]);
      expect(await claimAll(bench.store, { relay: 'third' })).toHaveLength(1);
    });

    test('serves several workers, each with the messages of its relay', async () => {
      const other = newId(T);
      const takes = [take(), take({ relay: 'other', holder: other })];
      expect(await taken([{}, { to: [{ relay: 'other' }] }], takes)).toEqual([true, true]);
      expect(await bench.store.reclaim(T, [other], [0])).toBe(1);
    });

    test('takes nothing for a relay that is paused, or has faults', async () => {
      await bench.store.pauseRelay('default', { at: T, by: 'Ada' });
      expect(await taken([{}])).toEqual([false]);
      await bench.store.pauseRelay('default', null);
      await claimAll(bench.store);
      await bench.store.faultRelay('default', FAULT, T - 10, [5]);
      expect(await taken([{}])).toEqual([false]);
    });

    test('takes nothing while something that is due waits, of any priority but deferred', async () => {
      for (const priority of PRIORITIES) {
        await put(bench.store, { priority });
        expect(await taken([{ priority: 'high' }])).toEqual([priority === 'deferred']);
        await claimAll(bench.store);
      }
      await put(bench.store, { to: [{ dueAt: T + 1 }, { relay: 'other' }, { held: 'operator' }] });
      expect(await taken([{}])).toEqual([true]);
    });

    test('leaves what is held, not due, expired or deferred, and those do not stand in the way', async () => {
      const aside: MessagePart[] = [
        { to: [{ held: 'operator' }] },
        { to: [{ dueAt: T + 1 }] },
        { priority: 'deferred' },
        { to: [{ relay: 'other' }] },
      ];
      expect(await taken([...aside, {}])).toEqual([false, false, false, false, true]);
      expect(await taken([{ to: [{ expiresAt: T }] }])).toEqual([false]);
    });

    test('leaves a message whose recipients do not all go there now', async () => {
      expect(await taken([{ to: [{}, { relay: 'other' }] }])).toEqual([false]);
      expect(await claimAll(bench.store)).toHaveLength(1);
      expect(await taken([{ to: [{}, { dueAt: T + 1 }] }])).toEqual([false]);
    });

    test('leaves a message with a suppressed recipient, who gets nothing', async () => {
      await bench.store.suppress([{ target: '@x.org', reason: 'asked', since: T, until: null, note: null }]);
      const [answer] = (await insert([{ to: ['a@y.org', 'b@x.org'] }])) as [Inserted];
      expect(answer.token).toBeUndefined();
      expect(await stateOf(bench.store, answer.id, 2)).toBe('bounced');
      expect(namesOf(await claimAll(bench.store))).toEqual([`${answer.id}/1`]);
    });

    test('leaves a content in chunks', async () => {
      const id = newId(T);
      await bench.store.stage(id, 0, Buffer.from('hello\r\n'), T);
      expect(await taken([{ id, stagedChunks: 1 }])).toEqual([false]);
      expect(await claimAll(bench.store)).toHaveLength(1);
    });

    test('takes the most urgent first, and nothing behind one that waits', async () => {
      const parts: MessagePart[] = [{ priority: 'low' }, {}, { priority: 'high' }, { to: ['a@x.org', 'b@x.org'] }, {}];
      expect(await taken(parts, [take({ limit: 3 })])).toEqual([false, true, true, false, false]);
    });

    test('gives no right to a duplicate, nor to the message that has its key', async () => {
      const [first] = (await insert([{ key: 'k' }], [])) as [Inserted];
      expect(await insert([{ key: 'k' }])).toMatchObject([{ id: first.id, duplicate: true }]);
      await claimAll(bench.store);
      const [second, twin] = (await insert([{ key: 'l' }, { key: 'l' }])) as [Inserted, Inserted];
      expect([second.token !== undefined, twin.token, twin.id]).toEqual([true, undefined, second.id]);
    });
  });
}
