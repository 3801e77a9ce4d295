import { expect, test } from 'vitest';
import { ManualClock } from '../runtime/clock.ts';
import { Tries } from './tries.ts';

const clock = new ManualClock(1_800_000_000_000);

test('the first failures cost nothing, each further one twice the wait of the one before, up to a minute', () => {
  const tries = new Tries(clock);
  const waits: number[] = [];
  for (let i = 0; i < 13; i++) {
    tries.failed('a');
    waits.push(tries.wait('a', 'b') / 1_000);
    clock.moveTo(clock.now() + tries.wait('a'));
  }
  expect(waits).toEqual([0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
  expect(tries.wait('a')).toBe(0);
  expect(tries.wait('b')).toBe(0);
});

test('a success forgets failures, and so does time', () => {
  const tries = new Tries(clock);
  for (let i = 0; i < 6; i++) tries.failed('a', 'b');
  tries.succeeded('a');
  expect(tries.wait('a')).toBe(0);
  expect(tries.wait('b')).toBeGreaterThan(0);
  clock.moveTo(clock.now() + 15 * 60_000);
  tries.failed('b');
  expect(tries.wait('b')).toBe(0);
});

test('what is forgiven to one is not forgiven to those who were counted with it', () => {
  const tries = new Tries(clock);
  for (let i = 0; i < 5; i++) tries.failed('ann', 'all');
  tries.failed('bob', 'all');
  tries.forgive('bob', 'all');
  expect(tries.wait('ann')).toBeGreaterThan(0);
  expect(tries.wait('all')).toBeGreaterThan(0);
  tries.forgive('ann', 'all');
  expect(tries.wait('ann', 'all')).toBe(0);
});

test('strangers without number fill no memory', () => {
  const tries = new Tries(clock);
  for (let i = 0; i < 10; i++) tries.failed('first');
  for (let i = 0; i < 10_000; i++) tries.failed(`stranger ${i}`);
  expect(tries.wait('first')).toBe(0);
});
