import { describe, expect, test } from 'vitest';
import { delivery, MINUTE, NOW, node, relay } from '../../test/support/situation.ts';
import { nextTry, nextWord } from './next-try.ts';
import type { Situation } from './why.ts';

const HOUR = 60 * MINUTE;

type Changes<Key extends 'delivery' | 'relay'> = Partial<NonNullable<Situation[Key]>>;

function situation(
  changes: Changes<'delivery'> = {},
  state?: Changes<'relay'>,
  more: Partial<Situation> = {},
): Situation {
  return {
    delivery: { ...delivery, relay: 'ses', ...changes },
    relay: state && { ...relay, relay: 'ses', ...state },
    nodes: [node],
    now: NOW,
    ...more,
  };
}

const faulty = { faults: 3, faultSince: NOW - MINUTE, probeAt: NOW + 5 * MINUTE };
const plan = { known: true, fallback: ['backup'], failoverAfter: 3 * MINUTE };

const slow = {
  ...{ connections: 3, rests: 0, slowedAt: NOW, changedAt: NOW },
  reply: { code: 451, status: '4.7.1', text: 'rate limit' },
};

describe('the next try of a queued delivery', () => {
  test.each<[string, Situation, string]>([
    ['is now when it is due', situation(), 'now'],
    ['is its due time', situation({ dueAt: NOW + 2 * MINUTE }), 'in 2m'],
    ['is when somebody retries it', situation({ priority: 'deferred' }), 'on demand'],
    ['is not known while its relay is paused', situation({}, { pausedAt: NOW }), 'paused'],
    ['is not known on demand behind faults', situation({ priority: 'deferred' }, faulty), 'on demand'],
    ['is the probe of a relay with faults', situation({}, faulty), 'in 5m'],
    ['is its due time behind the probe', situation({ dueAt: NOW + HOUR }, faulty), 'in 1h'],
    ['is now while the probe is under way', situation({}, { ...faulty, probeAt: NOW - 1 }), 'now'],
    ['is when another relay stands in', situation({}, faulty, { plan }), 'in 2m'],
    ['is the probe where another must not stand in', situation({ inDoubt: true }, faulty, { plan }), 'in 5m'],
    ['is when the rate allows it', situation({}, { limitedUntil: NOW + MINUTE }), 'in 1m'],
    ['is when the relay has rested', situation({}, { pace: { ...slow, restUntil: NOW + MINUTE } }), 'in 1m'],
    ['is not known without a worker', situation({}, {}, { nodes: [] }), 'no worker'],
    ['is not known without its relay', situation({}, {}, { plan: { ...plan, known: false } }), 'no relay'],
  ])('%s', (_, given, word) => {
    expect(nextWord(nextTry(given), NOW)).toBe(word);
  });
});
