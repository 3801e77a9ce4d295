/** The heart: what one outcome makes of one delivery. Pure; every store writes what this decides. */
import { isNotify } from '../mail/envelope.ts';
import type { Outcome } from '../mail/outcome.ts';
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Attempt, Delivery } from './delivery.ts';
import type { Reason } from './reason.ts';
import { nextAttemptAt, type RetryPolicy } from './schedule.ts';
import type { Settlement } from './store.ts';

/** What the sender is owed for this change: a failure or delay report, or word that a relay without DSN took it (RFC 3461 5.2). */
export type ReportAction = 'failed' | 'delayed' | 'relayed';

export type Decision = Pick<
  Settlement,
  'state' | 'reason' | 'dueAt' | 'giveBack' | 'reply' | 'inDoubt' | 'delayReported'
> & {
  readonly report: ReportAction | null;
};

export interface SettleContext {
  readonly policy: RetryPolicy;
  readonly now: Instant;
  /** What to do with a delivery in doubt: send the same bytes again, or let an operator decide. */
  readonly doubt: 'resend' | 'hold';
  /** A random number in [0, 1). */
  readonly chance: number;
  /** The relay takes other mail: a fault of it in the transaction of this message is the message's (`isToBlame()`). */
  readonly toBlame: boolean;
}

/** A sender's own login that the relay refused is tried again after this time, ms; the relay itself is not paused for it. */
const LOGIN_PAUSE = 60_000;

/** `delivery` is as claimed: its `attempts` count this attempt already. */
export function settle(delivery: Delivery, outcome: Outcome, context: SettleContext): Decision {
  switch (outcome.kind) {
    case 'sent': {
      const owed = outcome.dsn !== true && wants(delivery, 'success');
      return { ...ended(delivery, outcome.reply), state: 'sent', inDoubt: false, report: owed ? 'relayed' : null };
    }
    case 'captured':
      return { ...ended(delivery, outcome.reply), state: 'captured', report: null };
    case 'refused':
      return { ...bounce(delivery, 'refused', outcome.reply), inDoubt: isInDoubt(outcome) || delivery.inDoubt };
    case 'deferred':
      return outcome.scope === 'relay' && !outcome.inDoubt && !(context.toBlame && outcome.during === 'own')
        ? afterRelayFault(delivery, outcome, context)
        : afterFailure(delivery, outcome, context);
  }
}

/** Given up: for what a relay said, or because its time is over. */
export function bounce(delivery: Delivery, reason: Reason, reply: Reply): Decision {
  return { ...ended(delivery, reply), state: 'bounced', reason, report: wants(delivery, 'failure') ? 'failed' : null };
}

const NO_REPLY: Reply = { code: 451, status: '4.4.7', text: 'no relay has ever answered', ours: true };

/** The reply under which a delivery expires: the last one of a relay, or our own where none ever answered. */
export function expiryReply(delivery: Delivery): Reply {
  return delivery.lastReply ?? NO_REPLY;
}

/** Only `sent` settles a doubt: what is given up later may still have arrived. */
function ended(delivery: Delivery, reply: Reply): Omit<Decision, 'state' | 'report'> {
  const { dueAt, inDoubt, delayReported } = delivery;
  return { reason: null, dueAt, giveBack: false, reply, inDoubt, delayReported };
}

/**
 * The relay's fault, not the message's: the attempt is given back (invariant 5). Where it came in the transaction of this delivery, it
 * goes behind all that was due before, because it may be why; else the order is kept. It stays due: the relay's own pause holds it
 * back, and neither a relay that was mended nor a fallback waits for it.
 */
function afterRelayFault(
  delivery: Delivery,
  outcome: Outcome & { kind: 'deferred' },
  context: SettleContext,
): Decision {
  const { reply, login } = outcome;
  const behind = outcome.during === 'own' ? context.now : delivery.dueAt;
  return {
    state: 'queued',
    reason: null,
    dueAt: login === undefined ? behind : context.now + LOGIN_PAUSE,
    giveBack: true,
    reply,
    inDoubt: delivery.inDoubt,
    delayReported: delivery.delayReported,
    report: null,
  };
}

function afterFailure(delivery: Delivery, outcome: Outcome & { kind: 'deferred' }, context: SettleContext): Decision {
  const { policy, now, chance } = context;
  const { reply } = outcome;
  const inDoubt = isInDoubt(outcome) || delivery.inDoubt;
  if (outcome.inDoubt && context.doubt === 'hold') {
    return { ...ended(delivery, reply), state: 'held', reason: 'doubt', inDoubt, report: null };
  }
  const tried = policy.maxAttempts !== null && delivery.attempts >= policy.maxAttempts;
  if (tried || now >= delivery.expiresAt) return { ...bounce(delivery, 'expired', reply), inDoubt };
  const dueAt = nextAttemptAt(policy, delivery.attempts, reply, now, delivery.expiresAt, chance);
  const late = delivery.delayReportAt !== null && now >= delivery.delayReportAt;
  const tell = late && !delivery.delayReported;
  return {
    state: 'queued',
    reason: null,
    dueAt,
    giveBack: false,
    reply,
    inDoubt,
    delayReported: delivery.delayReported || tell,
    report: tell ? 'delayed' : null,
  };
}

/** RFC 3461 4.1: without NOTIFY, failure and delay are reported and success is not; so it is with one that other programs wrote amiss. */
export function wants({ notify }: Pick<Delivery, 'notify'>, event: 'success' | 'failure' | 'delay'): boolean {
  return notify === null || !isNotify(notify) ? event !== 'success' : notify.includes(event);
}

/** The word under which the log keeps an attempt. */
export function attemptOutcome(outcome: Outcome): Attempt['outcome'] {
  return isInDoubt(outcome) ? 'in doubt' : outcome.kind;
}

/** This attempt ended so that the relay may have it. */
export function isInDoubt(outcome: Outcome): boolean {
  return (outcome.kind === 'deferred' || outcome.kind === 'refused') && outcome.inDoubt === true;
}
