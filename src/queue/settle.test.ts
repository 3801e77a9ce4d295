import { describe, expect, test } from 'vitest';
import type { Outcome } from '../mail/outcome.ts';
import type { Delivery } from './delivery.ts';
import { defaultRetryPolicy } from './schedule.ts';
import { type SettleContext, settle } from './settle.ts';

const HOUR = 3_600_000;
const start = Date.UTC(2026, 0, 1);

const claimed: Delivery = {
  id: '019b0000-0000-7000-8000-000000000001',
  ordinal: 1,
  recipient: 'rcpt@example.com',
  notify: null,
  originalRecipient: null,
  relay: 'default',
  state: 'sending',
  reason: null,
  priority: 'medium',
  createdAt: start,
  dueAt: start,
  expiresAt: start + 120 * HOUR,
  attempts: 1,
  lastReply: null,
  lastAttemptAt: null,
  inDoubt: false,
  delayReportAt: start + 4 * HOUR,
  delayReported: false,
  changedAt: start,
};

const context: SettleContext = {
  policy: defaultRetryPolicy,
  now: start + 1000,
  doubt: 'resend',
  chance: 0.5,
  toBlame: false,
};
const deferred = (
  scope: 'relay' | 'message' | 'recipient',
  code = 451,
  status = '4.3.0',
  inDoubt = false,
): Outcome => ({
  kind: 'deferred',
  scope,
  reply: { code, status, text: 'try later' },
  inDoubt,
});

const faulty = deferred('relay', 421, '4.7.0') as Outcome & { kind: 'deferred' };

describe('settle', () => {
  test('what the relay took is sent', () => {
    const decision = settle(claimed, { kind: 'sent', reply: { code: 250, text: 'ok' } }, context);
    expect(decision).toMatchObject({ state: 'sent', giveBack: false, report: null, inDoubt: false });
  });

  test('success is reported as relayed only when it was asked for and the relay does not do it', () => {
    const asked: Delivery = { ...claimed, notify: ['success'] };
    const reply = { code: 250, text: 'ok' };
    expect(settle(asked, { kind: 'sent', reply, dsn: false }, context).report).toBe('relayed');
    expect(settle(asked, { kind: 'sent', reply, dsn: true }, context).report).toBeNull();
  });

  test('captured mail is never called sent', () => {
    const decision = settle(claimed, { kind: 'captured', reply: { code: 250, text: 'kept' } }, context);
    expect(decision).toMatchObject({ state: 'captured', report: null });
  });

  test('a refusal bounces and owes a failure report', () => {
    const outcome: Outcome = { kind: 'refused', scope: 'recipient', reply: { code: 550, status: '5.1.1', text: 'no' } };
    expect(settle(claimed, outcome, context)).toMatchObject({ state: 'bounced', reason: 'refused', report: 'failed' });
  });

  test.each([[['never']], [['success']], [['delay']]] as const)('NOTIFY=%s wants no failure report', (notify) => {
    const outcome: Outcome = { kind: 'refused', scope: 'recipient', reply: { code: 550, text: 'no' } };
    expect(settle({ ...claimed, notify }, outcome, context).report).toBeNull();
  });

  test('a relay fault gives the attempt back', () => {
    expect(settle(claimed, deferred('relay', 421, '4.4.1'), context)).toMatchObject({
      state: 'queued',
      giveBack: true,
      dueAt: claimed.dueAt,
    });
  });

  test('a message in whose transaction the relay had a fault goes behind what was due before, and stays due', () => {
    const own: Outcome = { ...faulty, during: 'own' };
    expect(settle(claimed, own, context)).toMatchObject({ state: 'queued', giveBack: true, dueAt: context.now });
  });

  test('one that another recipient or message met keeps its place, as one before any transaction does', () => {
    const other: Outcome = { ...faulty, during: 'other' };
    for (const outcome of [faulty, other]) expect(settle(claimed, outcome, context).dueAt).toBe(claimed.dueAt);
  });

  test('a fault in its own transaction counts for the message that is to blame, and not for the recipients beside it', () => {
    const blamed = { ...context, toBlame: true };
    const decision = settle(claimed, { ...faulty, during: 'own' }, blamed);
    expect(decision).toMatchObject({ state: 'queued', giveBack: false });
    expect(decision.dueAt).toBeGreaterThan(context.now);
    expect(settle(claimed, { ...faulty, during: 'other' }, blamed)).toMatchObject({ giveBack: true });
    expect(settle(claimed, faulty, blamed)).toMatchObject({ giveBack: true, dueAt: claimed.dueAt });
  });

  test('a refused login of one sender keeps back his mail for a minute, at no cost', () => {
    const outcome: Outcome = {
      kind: 'deferred',
      scope: 'relay',
      reply: { code: 535, status: '5.7.8', text: 'no' },
      inDoubt: false,
      login: 'a',
    };
    expect(settle(claimed, outcome, context)).toMatchObject({
      state: 'queued',
      giveBack: true,
      dueAt: context.now + 60_000,
    });
  });

  test('a relay fault costs nothing even after the last attempt or the end of its time', () => {
    const late = { ...context, now: claimed.expiresAt + 1, policy: { ...context.policy, maxAttempts: 1 } };
    expect(settle(claimed, deferred('relay', 535, '5.7.8'), late).state).toBe('queued');
  });

  test('a deferral waits longer after each attempt', () => {
    const waits = [1, 2, 3].map(
      (attempts) => settle({ ...claimed, attempts }, deferred('recipient'), context).dueAt - context.now,
    );
    expect(waits).toEqual([60_000, 120_000, 240_000]);
  });

  test('the next attempt is never later than the end of its time', () => {
    const now = claimed.expiresAt - 10_000;
    expect(settle(claimed, deferred('message'), { ...context, now }).dueAt).toBe(claimed.expiresAt - 1);
  });

  test('a deferral past its time bounces as expired', () => {
    const decision = settle(claimed, deferred('message'), { ...context, now: claimed.expiresAt });
    expect(decision).toMatchObject({ state: 'bounced', reason: 'expired', report: 'failed' });
  });

  test('a deferral at the last attempt bounces as expired', () => {
    const policy = { ...context.policy, maxAttempts: 3 };
    expect(settle({ ...claimed, attempts: 3 }, deferred('message'), { ...context, policy }).reason).toBe('expired');
    expect(settle({ ...claimed, attempts: 2 }, deferred('message'), { ...context, policy }).state).toBe('queued');
  });

  test('a long delay is reported once', () => {
    const late = { ...context, now: start + 5 * HOUR };
    const first = settle(claimed, deferred('message'), late);
    expect(first).toMatchObject({ state: 'queued', report: 'delayed', delayReported: true });
    expect(settle({ ...claimed, delayReported: true }, deferred('message'), late).report).toBeNull();
  });

  test('in doubt is resent with the attempt counted, and stays in doubt through later failures', () => {
    const first = settle(claimed, deferred('message', 421, '4.4.2', true), context);
    expect(first).toMatchObject({ state: 'queued', giveBack: false, inDoubt: true });
    expect(settle({ ...claimed, inDoubt: true }, deferred('relay', 421, '4.4.1'), context).inDoubt).toBe(true);
    expect(
      settle({ ...claimed, inDoubt: true }, { kind: 'sent', reply: { code: 250, text: '' } }, context).inDoubt,
    ).toBe(false);
  });

  test('in doubt is held where the operator wants to decide', () => {
    const decision = settle(claimed, deferred('message', 421, '4.4.2', true), { ...context, doubt: 'hold' });
    expect(decision).toMatchObject({ state: 'held', reason: 'doubt', inDoubt: true });
  });
});
