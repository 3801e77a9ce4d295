import { expect, test } from 'vitest';
import { MINUTE, NOW, node, relay } from '../../test/support/situation.ts';
import { alertsOf } from './alerts.ts';
import type { Health } from './health.ts';
import type { Counts } from './store.ts';
import { damagedRole } from './why.ts';

const counts: Counts = {
  states: { queued: 0, sending: 0, held: 0, sent: 0, captured: 0, bounced: 0, cancelled: 0 },
  deferred: 0,
  inDoubt: 0,
  lostReports: 0,
  oldestDue: null,
  overtaken: null,
};
const waiting = (minutes: number): Counts => ({ ...counts, oldestDue: NOW - minutes * MINUTE });
const healthy: Health = {
  counts,
  relays: [relay],
  waitedFor: new Set(['default']),
  nodes: [node],
  webhooks: [],
  vain: [],
  now: NOW,
};
const limits = { silence: 15 * MINUTE, age: 60 * MINUTE };
const LONG_AGO = NOW - 600 * MINUTE;

function named(changes: Partial<Health>, lastSent: number | null = NOW, since = LONG_AGO): readonly string[] {
  return alertsOf({ ...healthy, ...changes }, lastSent, since, limits).map(({ name }) => name);
}

test('nothing is said of a queue in which nothing waits, however long nothing was sent', () => {
  expect(named({}, null)).toEqual([]);
});

test('mail that waits while none is delivered is silence, after its time', () => {
  expect(named({ counts: waiting(16) }, NOW - 15 * MINUTE)).toEqual(['silence']);
  expect(named({ counts: waiting(16) }, NOW - 15 * MINUTE + 1)).toEqual([]);
  expect(named({ counts: waiting(16) }, null)).toEqual(['silence']);
});

test('mail that is deferred again and again while none is sent is silence too', () => {
  const vain = { relay: 'one', since: NOW - 15 * MINUTE, reply: null };
  expect(named({ vain: [vain, { ...vain, relay: 'two' }] })).toEqual(['silence:one', 'silence:two']);
  expect(named({ vain: [{ ...vain, since: vain.since + 1 }] })).toEqual([]);
  expect(named({ vain: [vain] }, null, NOW - MINUTE)).toEqual([]);
});

test('a process that has just begun to look waits before it calls anything silent', () => {
  expect(named({ counts: waiting(600) }, null, NOW - MINUTE)).toEqual(['age']);
});

test('the oldest is too old, whatever else is sent', () => {
  expect(named({ counts: waiting(60) })).toEqual(['age']);
  expect(named({ counts: waiting(59) })).toEqual([]);
});

test('no worker, damage, a paused relay and a failing one have names of their own', () => {
  expect(named({ nodes: [] })).toEqual(['no-worker']);
  expect(named({ nodes: [{ ...node, role: damagedRole('serve') }] })).toEqual(['damage']);
  const other = { ...relay, relay: 'other', faults: 3, faultSince: NOW - MINUTE };
  const relays = [{ ...relay, pausedAt: NOW, pausedBy: 'ann' }, other];
  expect(named({ relays, waitedFor: new Set(['other']) })).toEqual(['relay-paused:default', 'relay-failing:other']);
  expect(named({ relays: [other], waitedFor: new Set() })).toEqual([]);
});

test('limits that say never are never reached', () => {
  const health = { ...healthy, counts: waiting(6_000) };
  expect(alertsOf(health, null, LONG_AGO, { silence: null, age: null })).toEqual([]);
});
