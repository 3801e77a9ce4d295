import { expect, test } from 'vitest';
import { delivery, MINUTE, NOW, relay } from '../../test/support/situation.ts';
import { vainOf } from './vain.ts';

const OTHER = '0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e12';
const one = { ...delivery, attempts: 3, lastAttemptAt: NOW - MINUTE, lastReply: { code: 451, text: 'later' } };
const two = { ...one, id: OTHER, createdAt: NOW - MINUTE, lastAttemptAt: NOW, lastReply: { code: 452, text: 'full' } };

test('two messages that were tried twice while nothing was sent are in vain, since the first, with the last reply', () => {
  const vain = { since: delivery.createdAt, reply: two.lastReply };
  expect(vainOf([one, two], null, [])).toEqual(vain);
  expect(vainOf([two, one], NOW - 60 * MINUTE, [relay])).toEqual(vain);
  expect(vainOf([one, two], NOW - 5 * MINUTE, [])).toEqual({ ...vain, since: NOW - 5 * MINUTE });
});

test.each([
  ['nothing', []],
  ['one message, with two recipients', [one, { ...one, ordinal: 2 }]],
  ['what was tried once, as greylisting has it', [one, { ...two, attempts: 1 }]],
])('%s is no sign', (_, rows) => expect(vainOf(rows, null, [])).toBeNull());

test('a relay that is paused or fails says it itself', () => {
  expect(vainOf([one, two], null, [{ ...relay, faults: 1 }])).toBeNull();
  expect(vainOf([one, two], null, [{ ...relay, pausedAt: NOW }])).toBeNull();
});
