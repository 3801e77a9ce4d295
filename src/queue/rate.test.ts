import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allowance, nextAllowedAt, type Rate, type RateLog, recordUse, takeBack } from './rate.ts';

const start = Date.UTC(2026, 0, 1);

/** Sends `total` as fast as the rate allows and answers with the time of each. */
function burst(rate: Rate, total: number): number[] {
  const times: number[] = [];
  let log: RateLog = [];
  let now = start;
  while (times.length < total) {
    const count = Math.min(allowance(rate, log, now), total - times.length);
    for (let i = 0; i < count; i++) times.push(now);
    if (count > 0) log = recordUse(rate, log, now, count);
    now = Math.max(now, nextAllowedAt(rate, log, now));
  }
  return times;
}

/** The most in any half-open span of the window. */
function most(times: readonly number[], window: number): number {
  let from = 0;
  return times.reduce((best, time, i) => {
    while ((times[from] as number) <= time - window) from++;
    return Math.max(best, i - from + 1);
  }, 0);
}

describe('a rate', () => {
  test('of 14/s lets 10,000 through in 714 s within 2 %, and never more than 14 in a second', () => {
    const times = burst({ limit: 14, window: 1_000 }, 10_000);
    const seconds = ((times.at(-1) as number) - start) / 1_000;
    expect(seconds).toBeGreaterThan(714 * 0.98);
    expect(seconds).toBeLessThan(714 * 1.02);
    expect(most(times, 1_000)).toBe(14);
  });

  test('is never exceeded, whatever is asked for and when', () => {
    const asks = fc.array(fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 9 })), { maxLength: 200 });
    fc.assert(
      fc.property(asks, fc.integer({ min: 1, max: 20 }), (steps, limit) => {
        const rate = { limit, window: 1_000 };
        const times: number[] = [];
        let log: RateLog = [];
        let now = start;
        for (const [pause, wanted] of steps) {
          now += pause;
          const count = Math.min(wanted, allowance(rate, log, now));
          for (let i = 0; i < count; i++) times.push(now);
          if (count > 0) log = recordUse(rate, log, now, count);
        }
        expect(most(times, 1_000)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  test('is never exceeded when what did not go is taken back', () => {
    const asks = fc.array(fc.record({ pause: fc.nat(1_200), wanted: fc.nat(9), back: fc.nat(9), wait: fc.nat(1_200) }));
    fc.assert(
      fc.property(asks, fc.integer({ min: 1, max: 20 }), (steps, limit) => {
        const rate = { limit, window: 1_000 };
        const times: number[] = [];
        let log: RateLog = [];
        let now = start;
        for (const { pause, wanted, back, wait } of steps) {
          now += pause;
          const then = now;
          const count = Math.min(wanted, allowance(rate, log, now));
          const went = Math.max(0, count - back);
          for (let i = 0; i < went; i++) times.push(now);
          if (count > 0) log = recordUse(rate, log, now, count);
          now += wait;
          for (let i = went; i < count; i++) log = takeBack(rate, log, then);
        }
        expect(most(times, 1_000)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  test('takes back no more than was let through at that time', () => {
    const rate = { limit: 10, window: 1_000 };
    const log = recordUse(rate, recordUse(rate, [], start, 2), start + 500, 4);
    const less = takeBack(rate, takeBack(rate, takeBack(rate, log, start), start), start);
    expect(allowance(rate, less, start + 500)).toBe(6);
    expect(takeBack(rate, log, start + 250)).toEqual(log);
  });

  test('keeps a short log whatever the window', () => {
    let log: RateLog = [];
    const rate = { limit: 1_000_000, window: 86_400_000 };
    for (let now = start; now < start + 2 * rate.window; now += 60_000) log = recordUse(rate, log, now, 1);
    expect(log.length).toBeLessThanOrEqual(102);
  });
});

test('what was let through before the clock was set back by more than its window counts no more', () => {
  const rate = { limit: 2, window: 60_000 };
  const log = recordUse(rate, [], start + 86_400_000, 2);
  expect([allowance(rate, log, start + 86_400_000), allowance(rate, log, start)]).toEqual([0, 2]);
});
