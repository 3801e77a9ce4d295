import { expect, test } from 'vitest';
import { ManualClock } from './clock.ts';
import { Signal } from './signal.ts';

test('a notify before the wait is not lost', async () => {
  const signal = new Signal();
  signal.notify();
  expect(await signal.wait(new ManualClock(0), 1000)).toBe(true);
});

test('a wait ends by the clock when nobody notifies', async () => {
  const clock = new ManualClock(0);
  const wait = new Signal().wait(clock, 1000);
  clock.moveTo(1000);
  expect(await wait).toBe(false);
});

test('one notify ends one wait', async () => {
  const clock = new ManualClock(0);
  const signal = new Signal();
  signal.notify();
  await signal.wait(clock, 1000);
  const second = signal.wait(clock, 1000);
  clock.moveTo(1000);
  expect(await second).toBe(false);
});
