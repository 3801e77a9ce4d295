import { expect, test } from 'vitest';
import { nextTryOf } from '../../pages/relays/next-try.ts';

const pace = { connections: 1, restUntil: 7, slowedAt: 1, reply: { code: 421, status: null, text: 'slow down' } };

test('a relay is tried when the last of its waits is over', () => {
  expect(nextTryOf({ probeAt: null, pace: null, limitedUntil: null })).toBe(0);
  expect(nextTryOf({ probeAt: 5, pace: null, limitedUntil: null })).toBe(5);
  expect(nextTryOf({ probeAt: 5, pace, limitedUntil: null })).toBe(7);
  expect(nextTryOf({ probeAt: 5, pace, limitedUntil: 9 })).toBe(9);
});
