/** Facts about the moves that operators make. */
import { describe, expect, test } from 'vitest';
import { MOVES, STATES, type State } from '../../../src/queue/delivery.ts';
import type { Claim } from '../../../src/queue/store.ts';
import type { Id } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, put, sample, settleOne, stateOf, T } from './samples.ts';

const TARGETS = ['queued', 'held', 'cancelled'] as const;
const OPTIONS = { now: T + 100, expiresAt: T + 5_000_000 };

export function moveFacts(bench: Bench): void {
  /** A message whose delivery is in that state. */
  const inState = async (state: State): Promise<Id> => {
    const id = await put(bench.store, { to: [{ held: state === 'held' ? 'operator' : null }] });
    if (state === 'queued' || state === 'held') return id;
    if (state === 'cancelled') await bench.store.move({ ids: [id] }, 'cancelled', OPTIONS);
    else {
      const [claim] = (await claimAll(bench.store)) as [Claim];
      const reason = state === 'bounced' ? 'refused' : null;
      if (state !== 'sending') await settleOne(bench.store, claim, { state, reason });
    }
    return id;
  };

  /** Nothing is queued any more that the next claim could meet. */
  const settleAll = async (): Promise<void> => {
    for (const claim of await claimAll(bench.store, { now: T + 1000 })) await settleOne(bench.store, claim);
  };

  describe('reroute', () => {
    const relayOf = async (id: Id): Promise<string[] | undefined> =>
      (await bench.store.get(id))?.deliveries.map(({ relay }) => relay);

    test('changes the relay of what is queued or held, and nothing else', async () => {
      const id = await put(bench.store, { to: [{ dueAt: T + 900 }, { held: 'operator' }] });
      const before = await bench.store.get(id);
      expect(await bench.store.reroute({ relay: 'default' }, 'backup', { dryRun: true })).toBe(2);
      expect(await bench.store.get(id)).toEqual(before);
      expect(await bench.store.reroute({ relay: 'default' }, 'backup', {})).toBe(2);
      const deliveries = before?.deliveries.map((delivery) => ({ ...delivery, relay: 'backup' }));
      expect(await bench.store.get(id)).toEqual({ ...before, deliveries });
      expect(await claimAll(bench.store, { now: T + 900 })).toEqual([]);
      expect(await claimAll(bench.store, { now: T + 900, relay: 'backup' })).toHaveLength(1);
    });

    test('leaves alone what is being sent and what has ended', async () => {
      for (const state of STATES) {
        const id = await inState(state);
        const takes = state === 'queued' || state === 'held';
        expect([state, await bench.store.reroute({ ids: [id] }, 'backup', {})]).toEqual([state, takes ? 1 : 0]);
        expect(await relayOf(id)).toEqual([takes ? 'backup' : 'default']);
      }
    });

    test('leaves alone what is in doubt, unless just that is asked for', async () => {
      const id = await inState('queued');
      const [claim] = (await claimAll(bench.store)) as [Claim];
      await settleOne(bench.store, claim, { state: 'held', reason: 'doubt', inDoubt: true });
      for (const filter of [{}, { ids: [id] }, { states: ['held' as const], inDoubt: false }]) {
        expect(await bench.store.reroute(filter, 'backup', { dryRun: true })).toBe(0);
        expect(await bench.store.reroute(filter, 'backup', {})).toBe(0);
      }
      expect(await bench.store.reroute({ inDoubt: true }, 'backup', {})).toBe(1);
      expect((await bench.store.get(id))?.deliveries[0]).toMatchObject({
        relay: 'backup',
        state: 'held',
        inDoubt: true,
      });
    });

    test('counts only what changes, over thousands', async () => {
      const there = { recipient: 'b@x.org', relay: 'backup' };
      await bench.store.insert(
        Array.from({ length: 700 }, () => sample({ to: ['a@x.org', there, { held: 'operator' as const }] })),
        T,
      );
      expect(await bench.store.reroute({ relay: 'backup' }, 'backup', {})).toBe(0);
      expect(await bench.store.reroute({}, 'backup', { dryRun: true })).toBe(1400);
      expect(await bench.store.reroute({}, 'backup', {})).toBe(1400);
      expect(await bench.store.reroute({}, 'backup', {})).toBe(0);
      expect(await bench.store.count({ relay: 'backup' })).toBe(2100);
    });
  });

  describe('move', () => {
    // What a worker holds is never moved under it; what is queued may be queued again, to be due now.
    const allowed = (from: State, to: (typeof TARGETS)[number]): boolean =>
      from !== 'sending' && (MOVES[from].includes(to) || (from === 'queued' && to === 'queued'));
    test.each(TARGETS)('to %s takes the states that may, and no others', async (to) => {
      for (const from of STATES) {
        const ids = [await inState(from)];
        const takes = allowed(from, to);
        expect([from, await bench.store.move({ ids }, to, { ...OPTIONS, dryRun: true })]).toEqual([
          from,
          takes ? 1 : 0,
        ]);
        expect(await stateOf(bench.store, ids[0] as Id)).toBe(from);
        const others = STATES.filter((state) => state !== from);
        expect(await bench.store.move({ ids, states: others }, to, OPTIONS)).toBe(0);
        expect(await bench.store.move({ ids, states: [from] }, to, OPTIONS)).toBe(takes ? 1 : 0);
        expect(await stateOf(bench.store, ids[0] as Id)).toBe(takes ? to : from);
        await settleAll();
      }
    });

    test('to queued is due now, lives longer, doubts no more and is no longer deferred', async () => {
      const id = await put(bench.store, { priority: 'deferred', to: [{ dueAt: T + 900, expiresAt: T + 1000 }] });
      const long = await put(bench.store, { priority: 'low', to: [{ expiresAt: T + 9_000_000 }] });
      const waits = await put(bench.store, { to: [{ dueAt: T + 900, expiresAt: T + 1000 }] });
      await bench.store.move({}, 'queued', OPTIONS);
      const found = await bench.store.get(id);
      expect(found?.deliveries[0]).toMatchObject({
        ...{ state: 'queued', priority: 'medium', dueAt: T + 100, expiresAt: T + 5_000_000, inDoubt: false },
        ...{ reason: null, changedAt: T + 100 },
      });
      expect(found?.message.priority).toBe('deferred');
      expect((await bench.store.get(long))?.deliveries[0]).toMatchObject({ priority: 'low', expiresAt: T + 9_000_000 });
      // Or a retry by the clock would let it live for ever.
      expect((await bench.store.get(waits))?.deliveries[0]).toMatchObject({ dueAt: T + 100, expiresAt: T + 1000 });
    });

    test('to queued takes back a doubt and a bounce', async () => {
      const id = await put(bench.store);
      const [claim] = (await claimAll(bench.store)) as [Claim];
      await settleOne(bench.store, claim, { state: 'bounced', reason: 'refused', inDoubt: true });
      expect(await bench.store.move({ ids: [id] }, 'queued', OPTIONS)).toBe(1);
      expect((await bench.store.get(id))?.deliveries[0]).toMatchObject({ inDoubt: false, reason: null, attempts: 1 });
      expect(await claimAll(bench.store, { now: T + 100 })).toHaveLength(1);
    });

    test('to held tells who', async () => {
      const id = await inState('queued');
      await bench.store.move({}, 'held', OPTIONS);
      expect((await bench.store.get(id))?.deliveries[0]).toMatchObject({ state: 'held', reason: 'operator' });
    });

    test('moves what the filter names and nothing else', async () => {
      await put(bench.store, { to: ['a@x.org', 'b@x.org', 'c@y.org'] });
      expect(await bench.store.move({ recipient: '@x.org' }, 'cancelled', OPTIONS)).toBe(2);
      expect(await bench.store.move({ ids: [] }, 'cancelled', OPTIONS)).toBe(0);
      expect(await bench.store.move({ ids: ['nonsense'] }, 'cancelled', OPTIONS)).toBe(0);
      expect(await bench.store.count({ states: ['queued'] })).toBe(1);
    });

    test('moves thousands, each once', async () => {
      const messages = Array.from({ length: 700 }, () =>
        sample({ to: ['a@x.org', { recipient: 'b@x.org', held: 'operator' }] }),
      );
      await bench.store.insert(messages, T);
      expect(await bench.store.move({}, 'queued', OPTIONS)).toBe(1400);
      expect(await bench.store.move({}, 'held', OPTIONS)).toBe(1400);
      expect(await bench.store.count({ states: ['held'] })).toBe(1400);
    });
  });
}
