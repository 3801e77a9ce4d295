import { expect, test } from 'vitest';
import { relay } from '../../test/support/situation.ts';
import type { RelayState } from '../queue/relay-store.ts';
import { placesToTake, type StandIn } from './stand-in.ts';

const down = (name: string, since: number, more: Partial<RelayState> = {}): RelayState => ({
  ...relay,
  relay: name,
  faults: 1,
  faultSince: since,
  probeAt: since,
  ...more,
});
const first: StandIn = { relay: 'main', after: 1_000, behind: [] };
const second: StandIn = { relay: 'main', after: 1_000, behind: ['b'] };

test('a relay stands in when the other has been down long enough', () => {
  expect(placesToTake('b', [first], [down('main', 0)], 999)).toEqual([]);
  expect(placesToTake('b', [first], [down('main', 0)], 1_000)).toEqual(['main']);
  expect(placesToTake('b', [first], [], 1_000)).toEqual([]);
});

test('a relay that is down itself stands in for nobody until it is to be probed', () => {
  const own = down('b', 0, { probeAt: 5_000 });
  expect(placesToTake('b', [first], [down('main', 0), own], 4_999)).toEqual([]);
  expect(placesToTake('b', [first], [down('main', 0), own], 5_000)).toEqual(['main']);
});

test('a relay that an operator paused stands in for nobody', () => {
  expect(placesToTake('b', [first], [down('main', 0), { ...relay, relay: 'b', pausedAt: 1 }], 5_000)).toEqual([]);
});

test('the second in order waits until the first is down too', () => {
  expect(placesToTake('c', [second], [down('main', 0)], 5_000)).toEqual([]);
  expect(placesToTake('c', [second], [down('main', 0), down('b', 0)], 5_000)).toEqual(['main']);
});
