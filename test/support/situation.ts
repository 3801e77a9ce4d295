/** A delivery that waits, a healthy relay and a process that works, for tests to change. */
import type { Delivery } from '../../src/queue/delivery.ts';
import type { Node, RelayState } from '../../src/queue/relay-store.ts';

export const NOW = 1_800_000_000_000;
export const MINUTE = 60_000;

export const delivery: Delivery = {
  id: '0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11',
  ordinal: 1,
  recipient: 'bob@example.com',
  notify: null,
  originalRecipient: null,
  relay: 'default',
  state: 'queued',
  reason: null,
  priority: 'medium',
  createdAt: NOW - 10 * MINUTE,
  dueAt: NOW,
  expiresAt: NOW + 1_000 * MINUTE,
  attempts: 0,
  lastReply: null,
  lastAttemptAt: null,
  inDoubt: false,
  delayReportAt: NOW + 230 * MINUTE,
  delayReported: false,
  changedAt: NOW - 10 * MINUTE,
};

export const relay: RelayState = {
  relay: 'default',
  pausedAt: null,
  pausedBy: null,
  faults: 0,
  faultSince: null,
  faultForAll: false,
  suspects: [],
  mendedAt: null,
  probeAt: null,
  lastFault: null,
  limitedUntil: null,
  pace: null,
  knownSince: null,
  sentAt: null,
  shareChanges: 0,
};

export const node: Node = {
  id: delivery.id,
  host: 'box',
  pid: 1,
  role: 'serve',
  place: 'here',
  startedAt: NOW - MINUTE,
  seenAt: NOW - 1_000,
};
