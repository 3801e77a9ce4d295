/** Facts about relays: pauses, faults, probes; and about nodes and suppressions. */
import { describe, expect, test } from 'vitest';
import type { RelayState } from '../../../src/queue/relay-store.ts';
import { newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, HOLDER, LEASE, namesOf, put, sample, settleOne, T } from './samples.ts';

const FAULT = { code: 421, status: '4.4.1', text: 'no answer' };
const DELAYS = [1000, 5000];

export function relayFacts(bench: Bench): void {
  const fault = async (now: number, relay = 'default', suspect: string | null = null) =>
    (await bench.store.faultRelay(relay, FAULT, now, DELAYS, suspect)) as RelayState;
  const fill = (count: number) =>
    bench.store.insert(
      Array.from({ length: count }, () => sample()),
      T,
    );

  describe('a relay', () => {
    test('that nobody wrote about is absent', async () => {
      expect(await bench.store.relays()).toEqual([]);
      await bench.store.healRelay('default', T);
      expect(await bench.store.relays()).toEqual([]);
    });

    test('that a server works with is known from then on, whatever happens to it', async () => {
      await fill(1);
      await bench.store.noteRelay('default', T + 1);
      await bench.store.noteRelay('default', T + 2);
      const state = { pausedAt: null, faults: 0, limitedUntil: null, knownSince: T + 1 };
      expect(await bench.store.relays()).toMatchObject([{ relay: 'default', ...state }]);
      await fault(T);
      await bench.store.healRelay('default', T);
      await bench.store.pauseRelay('default', { at: T, by: 'Ada' });
      await bench.store.pauseRelay('default', null);
      expect(await (await bench.another()).relays()).toMatchObject([{ relay: 'default', ...state }]);
      expect(await claimAll(bench.store)).toHaveLength(1);
    });

    test('took mail at the last of the times that were told', async () => {
      await bench.store.noteSent('default', T + 2);
      await bench.store.noteSent('default', T + 1);
      await bench.store.noteSent('other', T);
      expect(await (await bench.another()).relays()).toMatchObject([
        { relay: 'default', sentAt: T + 2, faults: 0, knownSince: null },
        { relay: 'other', sentAt: T },
      ]);
    });

    test('tells what it has deferred, of those that are due first', async () => {
      await fill(3);
      for (const now of [T, T + 10])
        for (const claim of await claimAll(bench.store, { now, limit: 2 }))
          await settleOne(bench.store, claim, { state: 'queued', dueAt: now + 10, reply: FAULT }, now);
      const found = (attempts: number, limit = 10) => bench.store.deferredOf('default', attempts, limit);
      expect(await found(1)).toHaveLength(3);
      expect(await found(2)).toMatchObject([{ attempts: 2, lastReply: FAULT }]);
      expect(await found(2, 1)).toEqual([]);
      expect(await bench.store.deferredOf('other', 1, 10)).toEqual([]);
    });

    test('that had a fault before a server was known to work with it keeps its fault', async () => {
      await fault(T);
      await Promise.all([T + 1, T + 1].map((now) => bench.store.noteRelay('default', now)));
      expect(await bench.store.relays()).toMatchObject([{ faults: 1, lastFault: FAULT, knownSince: T + 1 }]);
    });

    test('that is paused gives nothing until it is resumed', async () => {
      await fill(1);
      await bench.store.pauseRelay('default', { at: T, by: 'Ada' });
      expect(await claimAll(bench.store, { now: T + 1e9 })).toEqual([]);
      expect(await bench.store.relays()).toEqual([
        {
          ...{ relay: 'default', pausedAt: T, pausedBy: 'Ada', faults: 0 },
          ...{ faultSince: null, probeAt: null, lastFault: null, limitedUntil: null, pace: null, knownSince: null },
          ...{ faultForAll: false, suspects: [], mendedAt: null, sentAt: null, shareChanges: 0 },
        },
      ]);
      await bench.store.pauseRelay('default', null);
      expect(await claimAll(bench.store)).toHaveLength(1);
    });

    test('that is resumed forgets its faults', async () => {
      await fault(T);
      await bench.store.pauseRelay('default', null);
      expect(await bench.store.relays()).toMatchObject([{ faults: 0, probeAt: null, lastFault: null, pausedAt: null }]);
    });

    test('that fails pauses for the first delay, then for the next, the last one repeats', async () => {
      expect(await fault(T)).toEqual({
        ...{ relay: 'default', pausedAt: null, pausedBy: null, faults: 1 },
        ...{ faultSince: T, probeAt: T + 1000, lastFault: FAULT, limitedUntil: null, pace: null, knownSince: null },
        ...{ faultForAll: true, suspects: [], mendedAt: null, sentAt: null, shareChanges: 0 },
      });
      expect(await fault(T + 1000)).toMatchObject({ faults: 2, faultSince: T, probeAt: T + 6000 });
      expect(await fault(T + 6000)).toMatchObject({ faults: 3, probeAt: T + 11_000 });
    });

    test('counts faults that fall together once', async () => {
      const states = await Promise.all([fault(T), fault(T), fault(T + 1), fault(T + 999)]);
      const probeAt = states[0]?.probeAt;
      expect(states.map((state) => [state.faults, state.probeAt])).toEqual(Array(4).fill([1, probeAt]));
      // Each came over a connection of its own: any of them may have been the first.
      expect([T + 1000, T + 1001, T + 1999]).toContain(probeAt);
    });

    test('with faults gives nothing in its pause, then one message to one caller', async () => {
      await fill(3);
      await put(bench.store, { priority: 'high', to: ['a@x.org', 'b@x.org'] });
      await fault(T);
      expect(await claimAll(bench.store, { now: T + 999 })).toEqual([]);
      const claims = await Promise.all([1, 2, 3].map(() => claimAll(bench.store, { now: T + 1000 })));
      expect(claims.map((some) => namesOf(some).length).toSorted()).toEqual([0, 0, 2]);
      expect(await bench.store.relays()).toMatchObject([{ probeAt: T + 1000 + LEASE }]);
      expect(await claimAll(bench.store, { now: T + 1000 + LEASE - 1 })).toEqual([]);
      expect(namesOf(await claimAll(bench.store, { now: T + 1000 + LEASE }))).toHaveLength(1);
    });

    test('whose probe fails pauses longer; whose probe succeeds is open again', async () => {
      await fill(5);
      await fault(T);
      await claimAll(bench.store, { now: T + 1000 });
      expect(await fault(T + 1010)).toMatchObject({ faults: 2, probeAt: T + 6010 });
      expect(await claimAll(bench.store, { now: T + 6010 })).toHaveLength(1);
      expect(await bench.store.healRelay('default', T)).toBe(true);
      expect(await bench.store.healRelay('default', T)).toBe(false);
      expect(await bench.store.relays()).toMatchObject([
        { faults: 0, faultSince: null, probeAt: null, lastFault: null },
      ]);
      expect(await claimAll(bench.store, { now: T + 6011 })).toHaveLength(3);
    });

    test('whose pause lies further ahead than any had it from before the clock was set back: it is probed', async () => {
      await fill(2);
      await fault(T + 86_400_000);
      const now = T + 1000;
      expect(await claimAll(bench.store, { now })).toHaveLength(1);
      expect(await claimAll(bench.store, { now })).toEqual([]);
      expect(await fault(now + 1)).toMatchObject({ faults: 2, probeAt: now + 5001 });
      expect(await fault(now + 2)).toMatchObject({ faults: 2 });
    });

    test('with nothing due keeps its probe for the next that is', async () => {
      await fault(T);
      expect(await claimAll(bench.store, { now: T + 1000 })).toEqual([]);
      await fill(1);
      expect(await claimAll(bench.store, { now: T + 1001 })).toHaveLength(1);
    });

    test('whose prober is dead is probed again at once', async () => {
      const dead = newId(T);
      await fill(2);
      await fault(T);
      await claimAll(bench.store, { now: T + 1000, holder: dead });
      await bench.store.reclaim(T + 1001, [dead], [0]);
      expect(await claimAll(bench.store, { now: T + 1001 })).toHaveLength(1);
    });

    test('whose probe ended before it met the relay is probed again at once, and no sooner for one that is not its prober', async () => {
      await fill(3);
      await fault(T);
      const now = T + 1000;
      expect(await claimAll(bench.store, { now })).toHaveLength(1);
      expect(await bench.store.endProbe('default', newId(T), now + LEASE)).toBe(false);
      expect(await bench.store.endProbe('default', HOLDER, now + LEASE - 1)).toBe(false);
      expect(await bench.store.endProbe('other', HOLDER, now + LEASE)).toBe(false);
      expect(await claimAll(bench.store, { now })).toEqual([]);
      expect(await bench.store.endProbe('default', HOLDER, now + LEASE)).toBe(true);
      expect(await bench.store.relays()).toMatchObject([{ faults: 1, probeAt: now }]);
      expect(await claimAll(bench.store, { now })).toHaveLength(1);
      await fault(now + 1);
      expect(await bench.store.endProbe('default', HOLDER, now + LEASE)).toBe(false);
      expect(await bench.store.relays()).toMatchObject([{ faults: 2, probeAt: now + 5001 }]);
    });

    test('that failed in the transaction of few messages probes with the others at once, and with these after its pause', async () => {
      const [first, second, third, fourth] = [
        await put(bench.store),
        await put(bench.store),
        await put(bench.store),
        await put(bench.store),
      ];
      await fault(T, 'default', first);
      expect(namesOf(await claimAll(bench.store, { now: T + 1 }))).toEqual([`${second}/1`]);
      expect(await claimAll(bench.store, { now: T + 1 })).toEqual([]);
      expect(await fault(T + 2, 'default', second)).toMatchObject({ faults: 2, probeAt: T + 5002 });
      expect(namesOf(await claimAll(bench.store, { now: T + 3 }))).toEqual([`${third}/1`]);
      await fault(T + 4, 'default', third);
      expect(namesOf(await claimAll(bench.store, { now: T + 5 }))).toEqual([`${fourth}/1`]);
      await fault(T + 6, 'default', fourth);
      const next = await put(bench.store);
      expect(await claimAll(bench.store, { now: T + 5005 })).toEqual([]);
      expect(namesOf(await claimAll(bench.store, { now: T + 5006 }))).toEqual([`${next}/1`]);
    });

    test('that failed before any transaction, too, probes with nothing in its pause', async () => {
      await fault(T, 'default', await put(bench.store));
      await put(bench.store);
      await fault(T + 1000);
      expect(await claimAll(bench.store, { now: T + 1001 })).toEqual([]);
      expect(await bench.store.relays()).toMatchObject([{ faultForAll: true, faults: 2 }]);
    });

    test('that took other mail since blames the message, as often as it comes, and has no fault', async () => {
      const [poison] = [await put(bench.store), await put(bench.store)];
      await fault(T, 'default', poison);
      await bench.store.healRelay('default', T + 1000);
      for (const now of [T + 2000, T + 3000]) expect(await fault(now, 'default', poison)).toBe('message');
      expect(await bench.store.relays()).toMatchObject([
        { faults: 0, mendedAt: T + 1000, suspects: [{ id: poison, at: T }] },
      ]);
      expect(await fault(T + 4000, 'default', newId(T))).toMatchObject({ faults: 1 });
      expect(await fault(T + 5000, 'default', poison)).toMatchObject({ faults: 2 });
    });

    test('remembers the latest fifty messages that met a fault', async () => {
      const ids = Array.from({ length: 60 }, () => newId(T));
      for (const id of ids) await fault(T, 'default', id);
      const [state] = await bench.store.relays();
      expect(state?.suspects.map(({ id }) => id)).toEqual(ids.slice(10));
    });

    test('of another name is not concerned', async () => {
      await fill(1);
      await fault(T, 'other');
      expect(await claimAll(bench.store)).toHaveLength(1);
      expect((await bench.store.relays()).map(({ relay }) => relay)).toEqual(['other']);
    });
  });

  describe('nodes', () => {
    const node = (seenAt: number) => {
      return { id: HOLDER, host: 'box', place: 'box-1', pid: 42, role: 'serve', startedAt: T, seenAt };
    };

    test('are kept, seen again and forgotten', async () => {
      await bench.store.heartbeat(node(T));
      await bench.store.heartbeat(node(T + 5));
      expect(await bench.store.nodes(T)).toEqual([node(T + 5)]);
      expect(await bench.store.nodes(T + 5)).toEqual([]);
      await bench.store.forgetNode(HOLDER);
      expect(await bench.store.nodes(0)).toEqual([]);
    });
  });

  describe('suppressions', () => {
    const entry = (target: string, note: string | null = null) => {
      return { target, reason: 'asked', since: T, until: null, note };
    };

    test('are listed in pages, without case, the last entry for a target counts', async () => {
      await bench.store.suppress([entry('b@x.org'), entry('A@x.org'), entry('@z.org')]);
      await bench.store.suppress([entry('B@X.org', 'again'), entry('b@x.ORG', 'last')]);
      const first = await bench.store.suppressions({ limit: 2 });
      expect(first.rows).toEqual([entry('@z.org'), entry('a@x.org')]);
      const second = await bench.store.suppressions({ limit: 2, cursor: first.cursor as string });
      expect(second).toEqual({ rows: [entry('b@x.org', 'last')], cursor: null });
    });

    test('are found by a part of their targets, page by page', async () => {
      await bench.store.suppress(['a@x.org', 'b%_x@y.org', 'ab@y.org', '@y.org'].map((target) => entry(target)));
      const targets = async (contains: string, cursor = ''): Promise<string[]> => {
        const { rows, cursor: next } = await bench.store.suppressions({ limit: 1, cursor, contains });
        return [...rows.map(({ target }) => target), ...(next === null ? [] : await targets(contains, next))];
      };
      expect(await targets('y.org')).toEqual(['@y.org', 'ab@y.org', 'b%_x@y.org']);
      expect(await targets('%_')).toEqual(['b%_x@y.org']);
      expect(await targets('A@')).toEqual([]);
    });

    test('are told for addresses, the nearer entry first, as long as they hold', async () => {
      const ended = { ...entry('c@y.org'), until: T };
      await bench.store.suppress([entry('a@x.org'), entry('@x.org'), ended]);
      const told = await bench.store.suppressing(['A@x.org', 'b@X.org', 'c@y.org', 'd@z.org'], T);
      expect(told.map((each) => each?.target ?? null)).toEqual(['a@x.org', '@x.org', null, null]);
    });

    test('are removed', async () => {
      await bench.store.suppress([entry('a@x.org'), entry('@z.org')]);
      expect(await bench.store.unsuppress(['A@x.org', 'none@x.org'])).toBe(1);
      expect((await bench.store.suppressions({ limit: 9 })).rows).toEqual([entry('@z.org')]);
      await bench.store.suppress([]);
    });
  });
}
