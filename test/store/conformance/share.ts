/** Facts about what processes share of a relay: its connections, and the pace that it bears. */
import { describe, expect, test } from 'vitest';
import type { Node, Share, ShareRequest, StrainReport } from '../../../src/queue/relay-store.ts';
import type { Store } from '../../../src/queue/store.ts';
import { type Id, newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, HOLDER, put, sample, T } from './samples.ts';

const SECOND = 1_000;
const LEASE = 30 * SECOND;
const SAID = { code: 451, status: '4.7.1', text: 'too much mail\nfrom you' };

function nodeOf(id: Id, seenAt: number): Node {
  return { id, host: 'box', place: 'box-1', pid: 42, role: 'work', startedAt: T, seenAt };
}

export function shareFacts(bench: Bench): void {
  const ask = async (node: Id, held: number, now = T, part: Partial<ShareRequest> = {}, store: Store = bench.store) => {
    const request = { relay: 'default', limit: 10, held, used: held, succeeded: false, until: now + LEASE, ...part };
    return (await store.heartbeat(nodeOf(node, now), [request]))[0] as Share;
  };
  const strain = (now: number, part: Partial<StrainReport> = {}) =>
    bench.store.slowRelay('default', { reply: SAID, rest: false, node: HOLDER, limit: 10, used: 10, now, ...part });
  const paceNow = async (store: Store = bench.store) => (await store.relays())[0]?.pace;
  const [first, second, third] = [T, T + 1, T + 2].map(newId) as [Id, Id, Id];

  describe('the connections of a relay', () => {
    test('are all for the only process, however often it asks', async () => {
      expect(await ask(first, 0)).toEqual({ connections: 10, settled: true, pace: null, changes: 0 });
      expect(await ask(first, 10, T + SECOND)).toEqual({ connections: 10, settled: true, pace: null, changes: 0 });
      expect(await bench.store.nodes(0)).toEqual([nodeOf(first, T + SECOND)]);
    });

    test('and the deliveries that it is sending are told of each process', async () => {
      await put(bench.store, { to: ['a@example.com', 'b@example.com'] });
      await put(bench.store, { to: [{ relay: 'other' }] });
      await claimAll(bench.store, { holder: second });
      await claimAll(bench.store, { relay: 'other', holder: first });
      await ask(first, 0);
      expect(await bench.store.holdings(T + SECOND)).toEqual([
        { node: first, relay: 'default', sending: 0, connections: 10 },
        { node: first, relay: 'other', sending: 1, connections: 0 },
        { node: second, relay: 'default', sending: 2, connections: 0 },
      ]);
      expect(await bench.store.holdings(T + LEASE)).toMatchObject([{ relay: 'other' }, { node: second }]);
    });

    test('go to one that comes as soon as the other has given them up', async () => {
      const other = await bench.another();
      await ask(first, 0);
      expect(await ask(second, 0, T, {}, other)).toMatchObject({ connections: 0, settled: false });
      expect(await ask(first, 10)).toMatchObject({ connections: 5, settled: false });
      expect(await ask(second, 0, T, {}, other)).toMatchObject({ connections: 0, settled: false });
      expect(await ask(first, 7)).toMatchObject({ connections: 5, settled: false });
      expect(await ask(second, 0, T, {}, other)).toMatchObject({ connections: 3, settled: false });
      expect(await ask(first, 5)).toMatchObject({ connections: 5, settled: true });
      expect(await ask(second, 3, T, {}, other)).toMatchObject({ connections: 5, settled: true });
    });

    test('are never given twice, also when all ask at once', async () => {
      const stores = [bench.store, await bench.another(), await bench.another()];
      const nodes = [first, second, third];
      const shares = await Promise.all(nodes.map((node, i) => ask(node, 0, T, {}, stores[i])));
      expect(shares.reduce((sum, { connections }) => sum + connections, 0)).toBeLessThanOrEqual(10);
    });

    test('fewer than processes are for the oldest', async () => {
      expect(await ask(first, 0, T, { limit: 1 })).toMatchObject({ connections: 1, settled: true });
      expect(await ask(second, 0, T, { limit: 1 })).toMatchObject({ connections: 0, settled: true });
      expect(await ask(first, 1, T, { limit: 1 })).toMatchObject({ connections: 1, settled: true });
    });

    test('of a process whose lease ran out are for the others, and not before', async () => {
      await ask(first, 0);
      expect(await ask(second, 0, T + LEASE - 1)).toMatchObject({ connections: 0 });
      expect(await ask(second, 0, T + LEASE)).toMatchObject({ connections: 10, settled: true });
      expect(await ask(first, 0, T + LEASE)).toMatchObject({ connections: 0, settled: false });
    });

    test('of a process that left are for the others at once', async () => {
      await ask(first, 0);
      await bench.store.forgetNode(first);
      expect(await ask(second, 0)).toMatchObject({ connections: 10, settled: true });
    });

    test('count each change of the parts, and a claim and the list of relays tell the count', async () => {
      const changes = async (): Promise<number> => {
        const { shareChanges } = await bench.store.claim({
          relay: 'default',
          limit: 1,
          now: T,
          until: T,
          holder: first,
        });
        expect((await bench.store.relays())[0]?.shareChanges).toBe(shareChanges);
        return shareChanges;
      };
      expect((await ask(first, 0)).changes).toBe(0);
      expect((await ask(second, 0)).changes).toBe(1);
      expect(await changes()).toBe(1);
      // One that was there before, whatever it gives up or gets, changes nobody's part.
      expect((await ask(first, 5)).changes).toBe(1);
      expect((await ask(second, 0)).changes).toBe(1);
      await strain(T);
      expect(await changes()).toBe(2);
      await bench.store.forgetNode(second);
      expect(await changes()).toBe(3);
      await bench.store.forgetNode(second);
      await ask(third, 0);
      expect(await changes()).toBe(4);
      // The lease of the first is over.
      expect((await ask(third, 0, T + LEASE, { until: T + 2 * LEASE })).changes).toBe(5);
    });

    test('wake other processes when one comes or goes, and not with every heartbeat', async () => {
      const other = await bench.another();
      await ask(first, 0);
      const marks = [await other.changeMark()];
      const look = async (): Promise<void> => void marks.push(await other.changeMark());
      await ask(second, 0);
      await look();
      await bench.store.forgetNode(second);
      await look();
      expect(new Set(marks).size).toBe(3);
    });

    test('are kept apart for each relay, and answered in the order of the questions', async () => {
      const request = { limit: 10, held: 0, used: 0, succeeded: false, until: T + LEASE };
      await ask(first, 0);
      const shares = await bench.store.heartbeat(nodeOf(second, T), [
        { ...request, relay: 'other', limit: 4 },
        { ...request, relay: 'default' },
      ]);
      expect(shares.map(({ connections }) => connections)).toEqual([4, 0]);
      expect(await bench.store.heartbeat(nodeOf(second, T))).toEqual([]);
    });
  });

  describe('a relay that says that it is too much', () => {
    test('gets half of what all processes used, and each its part of that', async () => {
      await ask(first, 0);
      await ask(first, 5);
      await ask(second, 0);
      await ask(second, 4);
      const pace = await strain(T, { node: first, used: 4 });
      expect(pace).toEqual({ connections: 4, rests: 0, restUntil: null, slowedAt: T, changedAt: T, reply: SAID });
      expect(await ask(first, 5)).toMatchObject({ connections: 2, settled: false, pace });
      expect(await ask(second, 4)).toMatchObject({ connections: 2, settled: false });
    });

    test('is heard once where several processes hear it', async () => {
      const other = await bench.another();
      const report = { reply: SAID, rest: false, limit: 10, used: 10, now: T };
      const heard = [first, second].map((node, i) =>
        (i === 0 ? bench.store : other).slowRelay('default', { ...report, node }),
      );
      expect((await Promise.all(heard)).map((pace) => pace?.connections)).toEqual([5, 5]);
    });

    test('gives no mail while it rests, not even to be taken as it is inserted', async () => {
      await put(bench.store);
      const pace = await strain(T, { rest: true });
      const until = pace?.restUntil as number;
      expect(until).toBeGreaterThan(T);
      expect(await claimAll(bench.store, { now: until - 1 })).toEqual([]);
      const message = sample({ to: [{ dueAt: T }] });
      const take = { relay: 'default', limit: 10, until: until + LEASE, holder: HOLDER };
      expect((await bench.store.insert([message], T, [take]))[0]?.token).toBe(undefined);
      expect(await claimAll(bench.store, { now: until })).toHaveLength(2);
    });

    test('rests for its own mail, not for what another relay sends in its place', async () => {
      await put(bench.store);
      await strain(T, { rest: true });
      expect(await claimAll(bench.store, { standIn: true })).toHaveLength(1);
    });

    test('gets more again where mail succeeds, and no pace in the end', async () => {
      await strain(T);
      expect(await ask(first, 0, T + 60 * SECOND)).toMatchObject({ connections: 5 });
      let connections = 5;
      for (let now = T + 60 * SECOND; connections < 10; now += 30 * SECOND) {
        const share = await ask(first, connections, now, { succeeded: true });
        expect(share.connections).toBe(connections + 1);
        expect((await ask(first, connections, now + 1, { succeeded: true })).connections).toBe(connections + 1);
        connections = share.connections;
      }
      expect(await paceNow()).toBe(null);
    });

    test('keeps its pace when the store is opened anew, and when it fails and heals', async () => {
      const pace = await strain(T, { rest: true });
      await bench.store.faultRelay('default', SAID, T, [100]);
      await bench.store.healRelay('default', T);
      expect(await paceNow(await bench.another())).toEqual(pace);
    });

    test('has no pace any more when an operator resumes it', async () => {
      await strain(T, { rest: true });
      await put(bench.store);
      await bench.store.pauseRelay('default', null);
      expect(await paceNow()).toBe(null);
      expect(await claimAll(bench.store)).toHaveLength(1);
    });
  });
}
