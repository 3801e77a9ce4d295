import { describe, expect, test } from 'vitest';
import { nextTry, nextWord } from './next-try.ts';
import type { Situation } from './why.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

type Changes<Key extends 'delivery' | 'relay'> = Partial<NonNullable<Situation[Key]>>;

function situation(
  delivery: Changes<'delivery'> = {},
  relay?: Changes<'relay'>,
  more: Partial<Situation> = {},
): Situation {
  return {
    delivery: {
      id: '0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11',
      ordinal: 1,
      recipient: 'bob@example.com',
      notify: null,
      originalRecipient: null,
      relay: 'ses',
      state: 'queued',
      reason: null,
      priority: 'medium',
      createdAt: NOW - 10 * MINUTE,
      dueAt: NOW,
      expiresAt: NOW + 24 * HOUR,
      delayReportAt: NOW + 4 * HOUR,
      attempts: 0,
      lastReply: null,
      lastAttemptAt: null,
      inDoubt: false,
      delayReported: false,
      changedAt: NOW - 10 * MINUTE,
      ...delivery,
    },
    relay: relay && {
      relay: 'ses',
      pausedAt: null,
      pausedBy: null,
      faults: 0,
      faultSince: null,
      probeAt: null,
      lastFault: null,
      limitedUntil: null,
      pace: null,
      knownSince: null,
      ...relay,
    },
    nodes: [
      {
        id: '0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e12',
        host: 'box',
        pid: 1,
        role: 'serve',
        place: 'here',
        startedAt: NOW - MINUTE,
        seenAt: NOW,
      },
    ],
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
