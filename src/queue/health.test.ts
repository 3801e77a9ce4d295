import { expect, test } from 'vitest';
import { MINUTE, NOW, node, relay } from '../../test/support/situation.ts';
import { type Health, problemsOf, severity } from './health.ts';
import type { RelayState } from './relay-store.ts';
import type { Counts } from './store.ts';
import { damagedRole } from './why.ts';

const none: Counts = {
  states: { queued: 0, sending: 0, held: 0, sent: 5, captured: 0, bounced: 2, cancelled: 0 },
  deferred: 0,
  inDoubt: 0,
  lostReports: 0,
  oldestDue: null,
  overtaken: null,
};
const three: Counts = { ...none, states: { ...none.states, queued: 3 } };
const healthy: Health = {
  counts: none,
  relays: [relay],
  waitedFor: new Set(['default']),
  nodes: [node],
  webhooks: [],
  vain: [],
  now: NOW,
};

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
  [
    'mail that others overtake',
    {
      counts: {
        ...{ ...three, oldestDue: NOW - 180 * MINUTE },
        overtaken: { relay: 'default', priority: 'low', since: NOW - 180 * MINUTE },
      },
    },
    [
      '1',
      'warning: low-priority mail for relay default has been due for 3h, and mail of a higher priority overtook it',
    ],
  ],
  [
    'a damaged database, while who found it lives',
    { nodes: [{ ...node, role: damagedRole(node.role) }] },
    [
      '2',
      `critical: the database is damaged, as pid ${node.pid} on ${node.host} found: mail may be refused (451 4.3.0) or lie still; see posthaste check, restore or recover the file, and restart`,
    ],
  ],
  [
    'one that was found by who has gone',
    { nodes: [node, { ...node, role: damagedRole(node.role), seenAt: NOW - 5 * MINUTE }] },
    ['0'],
  ],
  ['no worker, no mail', { nodes: [] }, ['1', 'warning: no worker has been seen: new mail will wait']],
  [
    'no worker, and mail',
    { nodes: [{ ...node, seenAt: NOW - 5 * MINUTE }], counts: { ...three, oldestDue: NOW - 99 * MINUTE } },
    ['2', 'critical: no worker has been seen for 5m, and 3 deliveries wait'],
  ],
  [
    'a worker that was killed, and no mail',
    { nodes: [{ ...node, gone: true }] },
    ['1', 'warning: no worker runs, as pid 1 on box is gone: new mail will wait'],
  ],
  [
    'a worker that was killed, and mail',
    { nodes: [{ ...node, gone: true }], counts: three },
    ['2', 'critical: no worker runs, as pid 1 on box is gone, and 3 deliveries wait'],
  ],
  ['a worker that was killed beside one that runs', { nodes: [{ ...node, gone: true }, node] }, ['0']],
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
    ['1', 'warning: mail has been due for 6m and was not tried'],
  ],
  [
    'late mail',
    { counts: { ...three, oldestDue: NOW - 6 * MINUTE } },
    ['1', 'warning: mail has been due for 6m and was not tried'],
  ],
  [
    'very late mail',
    { counts: { ...three, oldestDue: NOW - 90 * MINUTE } },
    ['2', 'critical: mail has been due for 1h 30m and was not tried'],
  ],
  ['mail that is deferred for a while', { vain: [{ relay: 'default', since: NOW - 14 * MINUTE, reply: null }] }, ['0']],
  [
    'mail that is deferred again and again',
    { vain: [{ relay: 'default', since: NOW - 16 * MINUTE, reply: { code: 451, text: 'later' } }] },
    [
      '1',
      'warning: relay default has taken nothing for 16m, and mail submitted since then is deferred again and again: 451 later',
    ],
  ],
  [
    'mail that is deferred for long',
    { vain: [{ relay: 'default', since: NOW - 90 * MINUTE, reply: null }] },
    [
      '2',
      'critical: relay default has taken nothing for 1h 30m, and mail submitted since then is deferred again and again',
    ],
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
