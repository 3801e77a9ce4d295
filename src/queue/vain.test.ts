import { expect, test } from 'vitest';
import { delivery, MINUTE, NOW, relay } from '../../test/support/situation.ts';
import { vainOf } from './vain.ts';

const OTHER = '0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e12';
const one = { ...delivery, attempts: 3, lastAttemptAt: NOW - MINUTE, lastReply: { code: 451, text: 'later' } };
const two = { ...one, id: OTHER, createdAt: NOW - MINUTE, lastAttemptAt: NOW, lastReply: { code: 452, text: 'full' } };

test('two messages that a relay deferred twice while it took none are in vain, since the first, with its last reply', () => {
  const vain = { relay: 'default', since: delivery.createdAt, reply: two.lastReply };
  expect(vainOf([one, two], relay)).toEqual(vain);
  expect(vainOf([two, one], { ...relay, sentAt: NOW - 60 * MINUTE })).toEqual(vain);
});

test.each([
  ['nothing', []],
  ['one message, with two recipients', [one, { ...one, ordinal: 2 }]],
  ['what was tried once, as greylisting has it', [one, { ...two, attempts: 1 }]],
])('%s is no sign', (_, rows) => expect(vainOf(rows, relay)).toBeNull());

test('what was submitted before the relay last took mail is no sign: others got through after it', () => {
  expect(vainOf([one, two], { ...relay, sentAt: NOW - 5 * MINUTE })).toBeNull();
  const since = NOW - 5 * MINUTE;
  const third = { ...two, id: delivery.id };
  expect(vainOf([two, third], { ...relay, sentAt: since })).toMatchObject({ since: two.createdAt });
});

test('a relay that is paused or fails says it itself', () => {
  expect(vainOf([one, two], { ...relay, faults: 1 })).toBeNull();
  expect(vainOf([one, two], { ...relay, pausedAt: NOW })).toBeNull();
});
