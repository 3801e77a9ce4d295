import { describe, expect, test } from 'vitest';
import { classOfReply, defaultRetryPolicy, nextAttemptAt, relayPauses, retryDelay } from './schedule.ts';

const MINUTE = 60_000;
const busy = { code: 451, status: '4.3.0', text: 'try later' };
const grey = { code: 451, status: '4.7.1', text: 'Greylisted, please come back' };
const fast = { code: 451, status: '4.7.28', text: 'too many messages from your account' };
const waits = (reply: typeof busy): number[] =>
  [1, 2, 3, 4, 5, 6, 7, 8].map((n) => retryDelay(defaultRetryPolicy, n, reply, 0.5) / MINUTE);

describe('the wait', () => {
  test('doubles up to an hour', () => {
    expect(waits(busy)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  });

  test('stays short for a greylisting server', () => {
    expect(waits(grey)).toEqual([1, 2, 4, 5, 5, 5, 5, 5]);
  });

  test('is long from the start where it was too much at once', () => {
    expect(waits(fast)).toEqual([5, 5, 5, 8, 16, 32, 60, 60]);
  });

  test('is spread by 20 % to either side', () => {
    expect(retryDelay(defaultRetryPolicy, 1, busy, 0)).toBe(48_000);
    expect(retryDelay(defaultRetryPolicy, 1, busy, 1)).toBe(72_000);
  });

  test('ends just before the time of giving up', () => {
    expect(nextAttemptAt(defaultRetryPolicy, 7, busy, 1_000, 5_000, 0.5)).toBe(4_999);
  });
});

test.each([
  [{ code: 450, status: '4.7.1', text: 'come back' }, 'greylisted'],
  [{ code: 450, text: 'You are GREYLISTED' }, 'greylisted'],
  [{ code: 451, status: '4.7.1', text: 'rate limit exceeded' }, 'rate limited'],
  [{ code: 421, status: '4.3.2', text: 'later' }, 'rate limited'],
  [{ code: 452, status: '4.2.2', text: 'mailbox full' }, 'other'],
] as const)('%j is %s', (reply, kind) => {
  expect(classOfReply(reply)).toBe(kind);
});

test('the pauses of a relay grow', () => {
  const pauses = relayPauses(0.5);
  expect(pauses.toSorted((a, b) => a - b)).toEqual(pauses);
  expect(pauses[0]).toBe(1_000);
  expect(pauses.at(-1)).toBe(15 * MINUTE);
});
