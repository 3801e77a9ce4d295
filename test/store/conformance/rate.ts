/** Facts about rates: what all processes together may claim in a span of time. */
import { describe, expect, test } from 'vitest';
import type { Rate } from '../../../src/queue/rate.ts';
import type { Claim, ClaimRequest, Store } from '../../../src/queue/store.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, LEASE, namesOf, put, sample, settleOne, T } from './samples.ts';

const SECOND = 1_000;
const DAY = 86_400_000;
const PER_SECOND: Rate = { limit: 14, window: SECOND };
const PER_DAY: Rate = { limit: 20, window: DAY };
/** A slot is a hundredth of the window: what was let through at its start counts until its end is a window ago. */
const SLOT = 10;

export function rateFacts(bench: Bench): void {
  const fill = (count: number): Promise<unknown> =>
    bench.store.insert(
      Array.from({ length: count }, () => sample()),
      T,
    );
  const claimed = async (now: number, part: Partial<ClaimRequest> = {}, store = bench.store): Promise<number> =>
    namesOf(await claimAll(store, { rates: [PER_SECOND], now, ...part })).length;
  const limitedUntil = async (store: Store = bench.store): Promise<number | null | undefined> =>
    (await store.relays())[0]?.limitedUntil;

  describe('a rate', () => {
    test('lets so many deliveries through, and the next when the first of them are long enough ago', async () => {
      await fill(50);
      expect(await claimed(T, { limit: 10 })).toBe(10);
      expect(await limitedUntil()).toBe(null);
      expect(await claimed(T + 500)).toBe(4);
      expect(await limitedUntil()).toBe(T + SECOND + SLOT);
      expect(await claimed(T + SECOND + SLOT - 1)).toBe(0);
      expect(await limitedUntil()).toBe(T + SECOND + SLOT);
      expect(await claimed(T + SECOND + SLOT)).toBe(10);
      expect(await limitedUntil()).toBe(T + 500 + SECOND + SLOT);
    });

    test('counts recipients, and divides a message that is larger', async () => {
      await put(bench.store, { to: Array.from({ length: 30 }, (_, n) => `user${n}@x.org`) });
      expect(await claimed(T)).toBe(14);
      expect(await claimed(T + 2 * SECOND)).toBe(14);
      expect(await claimed(T + 4 * SECOND)).toBe(2);
    });

    test('is not spent by what is not due, nor by what is suppressed', async () => {
      await put(bench.store, { to: [{ dueAt: T + DAY }] });
      expect(await claimed(T)).toBe(0);
      await put(bench.store, { to: Array.from({ length: 20 }, (_, n) => `user${n}@gone.org`) });
      await bench.store.suppress([{ target: '@gone.org', reason: 'asked', since: T, until: null, note: null }]);
      await fill(20);
      expect(await claimed(T)).toBe(14);
    });

    const release = (claims: readonly Claim[], now: number): Promise<number> =>
      bench.store.release(
        claims.map(({ token }) => token),
        now,
      );

    test('gets back what is released, for that was never begun; what was tried stays spent', async () => {
      const rates = [PER_SECOND, PER_DAY];
      await fill(30);
      const [tried, ...others] = (await claimAll(bench.store, { rates })) as [Claim, ...Claim[]];
      await settleOne(bench.store, tried, { state: 'queued', giveBack: true });
      expect(await claimed(T, { rates })).toBe(0);
      expect(await release(others, T + 1)).toBe(13);
      expect(await limitedUntil()).toBe(null);
      expect(await claimed(T + 2, { rates })).toBe(13);
      expect(await limitedUntil()).toBe(T + SECOND + SLOT);
      expect(await claimed(T + 3 * SECOND, { rates })).toBe(6);
    });

    test('gets back only what a claim still holds, once', async () => {
      await fill(30);
      const claims = await claimAll(bench.store, { rates: [PER_SECOND] });
      await settleOne(bench.store, claims[0] as Claim);
      expect(await release(claims, T)).toBe(13);
      expect(await release(claims, T)).toBe(0);
      expect(await claimed(T + 1)).toBe(13);
    });

    test('gets back what was settled without being begun', async () => {
      await fill(30);
      const [tried, unbegun] = (await claimAll(bench.store, { rates: [PER_SECOND] })) as [Claim, Claim];
      await settleOne(bench.store, tried, { state: 'queued', giveBack: true });
      const end = { state: 'queued', giveBack: true, unbegun: true } as const;
      expect(await settleOne(bench.store, unbegun, end)).toBe(true);
      expect(await settleOne(bench.store, unbegun, end)).toBe(false);
      expect(await claimed(T + 1)).toBe(1);
    });

    test('gets back nothing from a claim of long ago: what counts now is of others', async () => {
      await fill(30);
      const claims = await claimAll(bench.store, { rates: [PER_SECOND] });
      expect(await claimed(T + 2 * SECOND)).toBe(14);
      expect(await release(claims, T + 2 * SECOND)).toBe(14);
      expect(await claimed(T + 2 * SECOND)).toBe(0);
    });

    test('of a relay that stands in gets back what it did not begin, and the other relay nothing', async () => {
      await fill(20);
      await put(bench.store, { to: [{ relay: 'backup' }] });
      const claims = await claimAll(bench.store, { rates: [PER_SECOND], ratesOf: 'backup', standIn: true });
      expect(await claimed(T, { relay: 'backup' })).toBe(0);
      expect(await claimed(T, { limit: 6 })).toBe(6);
      expect(await release(claims, T)).toBe(14);
      expect(await claimed(T, { relay: 'backup' })).toBe(1);
      expect(await claimed(T)).toBe(8);
    });

    test('does no harm to the claims under it: they are renewed and settled as others are', async () => {
      await fill(2);
      const [one, other] = (await claimAll(bench.store, { rates: [PER_SECOND] })) as [Claim, Claim];
      const tokens = [one.token, other.token];
      expect(await bench.store.renew(tokens, T + 2 * LEASE)).toEqual(tokens);
      expect(await settleOne(bench.store, one)).toBe(true);
      expect(await bench.store.renew(tokens, T + 2 * LEASE)).toEqual([other.token]);
    });

    test('is not exceeded by those who release and claim at once', async () => {
      const other = await bench.another();
      await fill(60);
      const taken = await Promise.all(
        Array.from({ length: 12 }, async (_, n) => {
          const store = n % 2 === 0 ? bench.store : other;
          const claims = await claimAll(store, { rates: [PER_SECOND], limit: 5 });
          if (n % 3 !== 0) return namesOf(claims).length;
          await store.release(
            claims.map(({ token }) => token),
            T,
          );
          return 0;
        }),
      );
      const kept = taken.reduce((sum, count) => sum + count, 0);
      expect(kept + (await claimed(T))).toBe(14);
    });

    test('among several the least counts, and a later claim is told of the last to end', async () => {
      const rates = [PER_SECOND, PER_DAY];
      await fill(50);
      expect(await claimed(T, { rates })).toBe(14);
      expect(await claimed(T + 2 * SECOND, { rates })).toBe(6);
      expect(await claimed(T + 4 * SECOND, { rates })).toBe(0);
      const slot = DAY / 100;
      expect(await limitedUntil()).toBe((Math.floor(T / slot) + 1) * slot + DAY);
    });

    test('that is raised knows what went out under the old one', async () => {
      await fill(50);
      expect(await claimed(T, { rates: [PER_DAY] })).toBe(20);
      expect(await claimed(T + 1, { rates: [{ limit: 25, window: DAY }] })).toBe(5);
      expect(await claimed(T + 2, { rates: [{ limit: 22, window: DAY }] })).toBe(0);
    });

    test("is each relay's own", async () => {
      await fill(14);
      await put(bench.store, { to: [{ relay: 'other' }] });
      expect(await claimed(T)).toBe(14);
      expect(await claimed(T, { relay: 'other' })).toBe(1);
    });

    test('gives a faulty relay its one message, and not even that when it is used up', async () => {
      await fill(30);
      expect(await claimed(T)).toBe(14);
      await bench.store.faultRelay('default', { code: 421, status: '4.7.0', text: 'slow down' }, T, [100]);
      expect(await claimed(T + 100)).toBe(0);
      expect(await claimed(T + 2 * SECOND)).toBe(1);
    });

    test('is kept when the store is opened anew', async () => {
      await fill(20);
      const first = await bench.another();
      expect(await claimed(T, {}, first)).toBe(14);
      await first.close();
      const second = await bench.another();
      expect(await claimed(T + 999, {}, second)).toBe(0);
      expect(await limitedUntil(second)).toBe(T + SECOND + SLOT);
    });

    test('holds for all who claim at once', async () => {
      const other = await bench.another();
      await fill(100);
      const together = Array.from({ length: 12 }, (_, n) =>
        claimed(T, { limit: 5 }, n % 2 === 0 ? bench.store : other),
      );
      expect((await Promise.all(together)).reduce((sum, count) => sum + count, 0)).toBe(14);
    });

    test('lets a burst of 10,000 at 14/s through in 714 s, and never more than 14 in any second', async () => {
      const other = await bench.another();
      for (let n = 0; n < 10; n++) await fill(1_000);
      const times: number[] = [];
      for (let now = T, rounds = 1; times.length < 10_000; rounds++) {
        const store = times.length % 28 === 0 ? bench.store : other;
        const take = async (at: number): Promise<void> => {
          for (const _ of namesOf(await claimAll(store, { rates: [PER_SECOND], now: at }))) times.push(at);
        };
        await take(now);
        const next = now + SECOND + SLOT;
        // To ask each time, and to try before it is time, would more than double what this costs.
        if (rounds % 50 === 0) {
          expect(await limitedUntil(store)).toBe(next);
          await take(next - 1);
        }
        now = next;
      }
      expect(new Set(times).size).toBeGreaterThan(1);
      for (let n = 14; n < times.length; n++) {
        expect((times[n] as number) - (times[n - 14] as number)).toBeGreaterThanOrEqual(SECOND);
      }
      const seconds = ((times.at(-1) as number) - T) / SECOND;
      expect(seconds).toBeGreaterThan(714 * 0.98);
      expect(seconds).toBeLessThan(714 * 1.02);
    });
  });
}
