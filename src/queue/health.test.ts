import { expect, test } from 'vitest';
import { type Health, problemsOf, severity } from './health.ts';
import type { Counts, Node, RelayState } from './store.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

const none: Counts = {
  states: { queued: 0, sending: 0, held: 0, sent: 5, captured: 0, bounced: 2, cancelled: 0 },
  deferred: 0,
  inDoubt: 0,
  lostReports: 0,
  oldestDue: null,
};
const three: Counts = { ...none, states: { ...none.states, queued: 3 } };
const relay: RelayState = {
  relay: 'default',
  pausedAt: null,
  pausedBy: null,
  faults: 0,
  faultSince: null,
  probeAt: null,
  lastFault: null,
  limitedUntil: null,
  pace: null,
  knownSince: null,
};
const node: Node = {
  id: 'n',
  host: 'box',
  pid: 1,
  role: 'serve',
  place: 'here',
  startedAt: NOW - MINUTE,
  seenAt: NOW - 1_000,
};
const healthy: Health = { counts: none, relays: [relay], waitedFor: new Set(['default']), nodes: [node], now: NOW };

function told(changes: Partial<Health>): readonly string[] {
  const problems = problemsOf({ ...healthy, ...changes });
  return [String(severity(problems)), ...problems.map(({ level, text }) => `${level}: ${text}`)];
}

const faulty = (minutes: number): RelayState => ({
  ...relay,
  faults: 4,
  faultSince: NOW - minutes * MINUTE,
  lastFault: { code: 421, text: 'closing' },
});

test.each<[string, Partial<Health>, readonly string[]]>([
  ['all is well', {}, ['0']],
  ['mail that waits for its time is well', { counts: { ...three, oldestDue: NOW - MINUTE } }, ['0']],
  ['no worker, no mail', { nodes: [] }, ['1', 'warning: no worker has been seen: new mail will wait']],
  [
    'no worker, and mail',
    { nodes: [{ ...node, seenAt: NOW - 5 * MINUTE }], counts: { ...three, oldestDue: NOW - 99 * MINUTE } },
    ['2', 'critical: no worker has been seen for 5m, and 3 deliveries wait'],
  ],
  [
    'a paused relay',
    { relays: [{ ...relay, pausedAt: NOW - MINUTE, pausedBy: 'ann' }] },
    ['1', 'warning: relay default has been paused by ann for 1m'],
  ],
  [
    'a fault that may pass',
    { relays: [faulty(3)], counts: three },
    ['1', 'warning: relay default has failed 4 times in 3m: 421 closing'],
  ],
  [
    'a fault that lasts',
    { relays: [faulty(20)], counts: three },
    ['2', 'critical: relay default has failed 4 times in 20m: 421 closing'],
  ],
  [
    'a fault that lasts, and nothing waits',
    { relays: [faulty(20)], waitedFor: new Set(['backup']), counts: three },
    ['0'],
  ],
  [
    'late mail, and faults of a relay for which nothing waits',
    { relays: [faulty(20)], waitedFor: new Set(['backup']), counts: { ...three, oldestDue: NOW - 6 * MINUTE } },
    ['1', 'warning: mail is due for 6m and has not been tried'],
  ],
  [
    'late mail',
    { counts: { ...three, oldestDue: NOW - 6 * MINUTE } },
    ['1', 'warning: mail is due for 6m and has not been tried'],
  ],
  [
    'very late mail',
    { counts: { ...three, oldestDue: NOW - 90 * MINUTE } },
    ['2', 'critical: mail is due for 1h 30m and has not been tried'],
  ],
  [
    'one of each',
    {
      counts: { ...none, states: { ...none.states, queued: 1 }, inDoubt: 1 },
      nodes: [],
      relays: [{ ...faulty(3), faults: 1 }],
    },
    [
      '2',
      'critical: no worker has been seen, and 1 delivery waits',
      'warning: relay default has failed 1 time in 3m: 421 closing',
      'warning: 1 delivery is in doubt: it may have arrived, and may be sent twice',
    ],
  ],
  [
    'doubt',
    { counts: { ...none, inDoubt: 2 } },
    ['1', 'warning: 2 deliveries are in doubt: they may have arrived, and may be sent twice'],
  ],
])('%s', (_, changes, expected) => expect(told(changes)).toEqual(expected));

test('the worst comes first', () => {
  const problems = problemsOf({ ...healthy, counts: { ...three, inDoubt: 1 }, nodes: [] });
  expect(problems.map((problem) => problem.level)).toEqual(['critical', 'warning']);
});
