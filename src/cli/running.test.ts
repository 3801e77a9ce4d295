import { expect, test } from 'vitest';
import { isAnother } from './running.ts';

const first = { signal: 'SIGTERM', at: 1_000 };

test('a signal that comes twice in a moment, to the process and to its group, is one', () => {
  expect(isAnother(first, { signal: 'SIGTERM', at: 1_001 })).toBe(false);
});

test.each([
  ['the same after a while', { signal: 'SIGTERM', at: 1_500 }],
  ['another one', { signal: 'SIGINT', at: 1_000 }],
])('%s is a second signal', (_, heard) => expect(isAnother(first, heard)).toBe(true));
