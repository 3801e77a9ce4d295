import { expect, test } from 'vitest';
import { pollAfter } from './poll.ts';

test.each([
  [0, 10],
  [80, 10],
  [400, 50],
  [1_999, 249],
  [2_000, 250],
  [3_600_000, 250],
  // The clock stepped back.
  [-5_000, 250],
])('%i ms after news the next look comes in %i ms', (silence, wait) => {
  expect(pollAfter(1_000_000, 1_000_000 + silence, 250)).toBe(wait);
});

test('without any news the pause is the longest', () => {
  expect(pollAfter(null, 1_000_000, 250)).toBe(250);
});
