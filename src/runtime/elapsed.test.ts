import { expect, test } from 'vitest';
import { elapsed, inWords, relative } from './elapsed.ts';

test.each([
  [0, '0s'],
  [499, '0s'],
  [30_000, '30s'],
  [59_700, '1m'],
  [90_000, '1m 30s'],
  [3_600_000, '1h'],
  [5_400_000, '1h 30m'],
  [86_400_000 * 3 + 3_600_000 * 4, '3d 4h'],
  [86_400_000 * 23 + 3_600_000 * 4, '23d'],
  [-5, '0s'],
])('%i ms are %s', (ms, words) => expect(elapsed(ms)).toBe(words));

test('for letters, the units have names', () => {
  expect([432_000_000, 90_000, 3_600_000].map(inWords)).toEqual(['5 days', '1 minute 30 seconds', '1 hour']);
});

test('a time is told as seen from now', () => {
  expect([relative(61_000, 1_000), relative(0, 7_200_000), relative(5, 0)]).toEqual(['in 1m', '2h ago', 'now']);
});
