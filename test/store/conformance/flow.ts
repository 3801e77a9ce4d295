/** Facts about what came and went over time. */
import { describe, expect, test } from 'vitest';
import type { Claim } from '../../../src/queue/store.ts';
import { type Id, newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, put, sample, settleOne, T } from './samples.ts';

const HOUR = 3_600_000;

/** `newId` never steps back. */
function idAt(at: number): Id {
  const time = at.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}${newId(T).slice(13)}`;
}

export function flowFacts(bench: Bench): void {
  describe('flow', () => {
    test('counts messages by when they came, and deliveries by when and how they ended', async () => {
      const { store } = bench;
      const old = idAt(T - 2 * HOUR);
      await store.insert([sample({ id: old, createdAt: T - 2 * HOUR })], T);
      await put(store, { to: ['a@x.org', 'b@x.org'] });
      const claims = (await claimAll(store)) as readonly Claim[];
      for (const claim of claims) await settleOne(store, claim, { state: 'sent' }, T + HOUR);
      const flow = await store.flow(T - 2 * HOUR, HOUR, 4);
      const none = { accepted: 0, sent: 0, captured: 0, bounced: 0, cancelled: 0 };
      expect(flow.map(({ at }) => (at - T) / HOUR)).toEqual([-2, -1, 0, 1]);
      expect(flow.map(({ accepted }) => accepted)).toEqual([1, 0, 1, 0]);
      expect(flow[1]).toEqual({ at: T - HOUR, oldest: 2 * HOUR, ...none });
      // One that came in the third hour still waits.
      expect(flow.map(({ oldest }) => Math.round(oldest / HOUR))).toEqual([1, 2, 3, 2]);
      expect(flow[3]?.sent).toBeGreaterThan(0);
      expect(flow.slice(0, 3).map(({ sent }) => sent)).toEqual([0, 0, 0]);
      expect(await store.lastSent()).toBe(T + HOUR);
    });

    test('of an empty queue is nothing', async () => {
      expect(await bench.store.flow(T, HOUR, 2)).toMatchObject([
        { accepted: 0, sent: 0 },
        { accepted: 0, sent: 0 },
      ]);
      expect(await bench.store.lastSent()).toBeNull();
    });
  });
}
