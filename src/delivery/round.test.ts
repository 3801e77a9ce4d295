import { expect, test } from 'vitest';
import { ManualClock } from '../runtime/clock.ts';
import { silentLog } from '../runtime/log.ts';
import { NO_LIMITS, Round, type RoundLimits } from './round.ts';

const clock = new ManualClock(1_000);

function rounds(all: Partial<RoundLimits>, own: Partial<RoundLimits>, pause: number | null = null) {
  const parts = { clock, log: silentLog, pause };
  const shared = new Round({ ...NO_LIMITS, ...all }, parts);
  const [a, b] = ['a', 'b'].map((relay) => new Round({ ...NO_LIMITS, ...own }, { ...parts, shared, relay }));
  return [a as Round, b as Round, shared] as const;
}

test('relays share the limits of their process, beside their own', () => {
  const [a, b, shared] = rounds({ maxBatch: 3 }, { maxBatch: 2 });
  expect([a.room, b.room]).toEqual([2, 2]);
  a.begin();
  a.begin();
  expect([a.room, b.room, a.isOver, a.isWaiting]).toEqual([0, 1, false, true]);
  a.end('sent');
  a.end('deferred');
  expect([a.room, b.room]).toEqual([1, 2]);
  b.begin();
  b.end('sent');
  expect([a.room, b.room]).toEqual([1, 1]);
  a.begin();
  a.end('sent');
  expect([a.isOver, b.isOver, shared.total]).toEqual([true, true, { sent: 3, deferred: 1, ended: 0 }]);
});

test('whoever waits for room is told when another relay leaves some', () => {
  const [a, b] = rounds({ maxBatch: 1 }, {});
  let told = 0;
  b.onChange(() => told++);
  a.begin();
  expect(b.isWaiting).toBe(true);
  a.end('ended');
  expect([told, b.room]).toEqual([1, 1]);
});

test('a round ends with the last message in hand, and the next begins after the pause', () => {
  const [a, b] = rounds({ maxDeferred: 1 }, {}, 500);
  a.begin();
  a.end('deferred');
  expect([a.isOver, b.opensAt]).toEqual([true, clock.now() + 500]);
  clock.moveTo(clock.now() + 500);
  expect([a.room, b.isOver, b.opensAt]).toEqual([1, false, 0]);
});

test('without limits there is room for anything', () => {
  const [a] = rounds({}, {});
  a.begin();
  expect([a.room, a.isLimited, a.isOver, a.nextAt <= clock.now()]).toEqual([
    Number.POSITIVE_INFINITY,
    false,
    false,
    true,
  ]);
});

test('neither the pause nor the throttle lasts longer when the clock is set back', () => {
  const [a] = rounds({}, { maxDeferred: 1, throttle: 200 }, 500);
  a.begin();
  a.end('deferred');
  expect([a.room, a.opensAt, a.nextAt]).toEqual([0, clock.now() + 500, clock.now() + 200]);
  clock.set(clock.now() - 86_400_000);
  expect([a.opensAt, a.room, a.nextAt]).toEqual([0, 1, 0]);
});
