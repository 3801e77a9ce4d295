import { expect, test } from 'vitest';
import type { Delivery } from '../queue/delivery.ts';
import type { Settlement } from '../queue/store.ts';
import type { Decided } from './decided.ts';
import { attemptEnd } from './trace.ts';

function decided(state: Settlement['state'], code: number): Decided {
  const delivery = { recipient: 'bob@example.org' } as Delivery;
  const reply = { code, text: '<bob@example.org> says' };
  const rest = { reason: null, dueAt: 0, giveBack: false, inDoubt: false, delayReported: false, report: null };
  return { delivery, outcome: null, decision: { state, reply, ...rest } };
}

test('the worst of the recipients stands for all', () => {
  const all = [decided('sent', 250), decided('bounced', 550), decided('queued', 451)];
  expect(attemptEnd(all, [true, true, true])).toEqual({
    attributes: { 'posthaste.outcome': 'bounced', 'posthaste.recipients.sent': 1, 'posthaste.reply.code': 550 },
    error: '550',
  });
});

test('mail that was captured is well', () => {
  const { error, attributes } = attemptEnd([decided('captured', 250)], [true]);
  expect([error, attributes['posthaste.outcome']]).toEqual([undefined, 'captured']);
});

test('an outcome that could not be written is an error, whatever it was', () => {
  expect(attemptEnd([decided('sent', 250)], [false])).toMatchObject({ error: 'LEASE_LOST' });
});
