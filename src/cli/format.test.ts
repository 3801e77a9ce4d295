import { expect, test } from 'vitest';
import { humanCount, humanSize, humanTime, stateWord } from './format.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [2_140, '2.1 kB'],
  [14_000_000, '14 MB'],
  [50_000_000_000, '50 GB'],
])('%i octets are %s', (octets, words) => expect(humanSize(octets)).toBe(words));

test('a count agrees with its word', () => {
  expect([humanCount(1, 'message'), humanCount(1_200, 'message')]).toEqual(['1 message', '1,200 messages']);
});

test('a time says its offset, and is the same moment', () => {
  const shown = humanTime(1_800_000_000_000);
  expect(shown).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}$/);
  expect(new Date(shown.replace(' ', 'T').replace(' ', '')).getTime()).toBe(1_800_000_000_000);
});

test('a queued delivery with an attempt that counted is deferred, and one that a suppression ended is suppressed', () => {
  expect(stateWord({ state: 'queued', reason: null, attempts: 0 })).toBe('queued');
  expect(stateWord({ state: 'queued', reason: null, attempts: 2 })).toBe('deferred');
  expect(stateWord({ state: 'sent', reason: null, attempts: 2 })).toBe('sent');
  expect(stateWord({ state: 'bounced', reason: 'refused', attempts: 1 })).toBe('bounced');
  expect(stateWord({ state: 'bounced', reason: 'suppressed', attempts: 0 })).toBe('suppressed');
});
