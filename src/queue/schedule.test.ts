import { describe, expect, test } from 'vitest';
import {
  classOfReply,
  defaultRetryPolicy,
  nextAttemptAt,
  overrideFault,
  policyFor,
  type RetryOverride,
  relayPauses,
  retryDelay,
} from './schedule.ts';

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

  test('ends ten seconds before the time of giving up, for a worker may be busy', () => {
    const at = (now: number): number => nextAttemptAt(defaultRetryPolicy, 7, busy, now, 100_000, 0.5);
    expect(at(1_000)).toBe(90_000);
    expect(at(89_999)).toBe(90_000);
  });

  test('in the last ten seconds makes no further attempt, but waits for the end', () => {
    expect(nextAttemptAt(defaultRetryPolicy, 7, busy, 90_000, 100_000, 0.5)).toBe(99_999);
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

describe('a message that asks for its own retries', () => {
  test('gets what it asks for, and the rest of the policy of its relay', () => {
    expect(policyFor(defaultRetryPolicy, { maxAttempts: 3, maxAge: MINUTE })).toEqual({
      ...defaultRetryPolicy,
      maxAttempts: 3,
      maxAge: MINUTE,
    });
    expect(policyFor(defaultRetryPolicy, null)).toBe(defaultRetryPolicy);
    expect(policyFor({ ...defaultRetryPolicy, maxAttempts: 3 }, { maxAttempts: null }).maxAttempts).toBeNull();
  });

  test('may wait longer than the longest wait of its relay', () => {
    const day = 24 * 60 * MINUTE;
    expect(retryDelay(policyFor(defaultRetryPolicy, { firstDelay: day }), 1, busy, 0.5)).toBe(day);
  });

  test.each<[string, RetryOverride, string]>([
    ['a wait that is none', { firstDelay: 0 }, 'retry.firstDelay is 0: give a whole number from 1.'],
    ['half a try', { maxAttempts: 0.5 }, 'retry.maxAttempts is 0.5: give a whole number from 1, or null.'],
    ['no age', { maxAge: Number.NaN }, 'retry.maxAge is NaN: give a whole number from 0.'],
    [
      'a first wait longer than the longest',
      { firstDelay: 2, maxDelay: 1 },
      'retry.firstDelay (2) is longer than retry.maxDelay (1): the first wait is the shortest.',
    ],
    [
      'a word that is not known',
      { tries: 1 } as RetryOverride,
      'retry.tries is not known: allowed are mode, firstDelay, maxDelay, maxAge, maxAttempts, delayReportAfter.',
    ],
  ])('is told what is wrong with %s', (_, override, fault) => {
    expect(overrideFault(override)).toBe(fault);
  });

  test('may ask for nothing', () => {
    expect(overrideFault({})).toBeUndefined();
    expect(
      overrideFault({ maxAttempts: null, delayReportAfter: null, maxAge: 0, firstDelay: 1, maxDelay: 1 }),
    ).toBeUndefined();
  });
});
