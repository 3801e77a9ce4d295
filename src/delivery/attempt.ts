/** One attempt, as a pipe of named steps: hand over, decide, report, settle, tell. */

import { PosthasteError } from '../errors.ts';
import type { Outcome } from '../mail/outcome.ts';
import { printable, showReply } from '../mail/reply.ts';
import type { Delivery } from '../queue/delivery.ts';
import type { NewMessage } from '../queue/message.ts';
import { strainOf } from '../queue/pace.ts';
import type { Queue } from '../queue/queue.ts';
import { policyFor } from '../queue/schedule.ts';
import { attemptOutcome, type Decision, settle } from '../queue/settle.ts';
import type { Claim, SettleGroup, Settlement, Store } from '../queue/store.ts';
import type { Reported } from '../report/owed.ts';
import type { Batch } from '../runtime/batch.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Content } from '../transport/transport.ts';
import { askAfter, askBefore, type Hooks } from './hooks.ts';
import type { Relay } from './relay.ts';
import type { RelayHealth } from './relay-health.ts';
import type { RelayShare } from './relay-share.ts';
import { type ReportParts, reportOn } from './reports.ts';

/** What attempts and the janitor work with. */
export interface DeliveryParts extends ReportParts {
  readonly store: Store;
  /** A random number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly hooks: Hooks;
  /** Many settlements, one transaction. Answers for each whether its claim still held. */
  readonly settlements: Batch<SettleGroup, readonly boolean[]>;
}

/** Between two tries to write an outcome down, ms. */
const SETTLE_RETRY = 1_000;

/** A delivery, what came of its attempt, and what that makes of it. */
export interface Decided {
  readonly delivery: Delivery;
  readonly outcome: Outcome | null;
  readonly decision: Decision;
}

/** What a worker knows of its relay, and tells the others of. */
export interface RelayView {
  readonly health: RelayHealth;
  readonly share: RelayShare;
}

/** Tries a claim once. Returns true when no more should go out now: the relay was at fault, or rests. Nothing that a message does makes it throw. */
export async function attempt(
  parts: DeliveryParts,
  relay: Relay,
  { health, share }: RelayView,
  claim: Claim,
  signal: AbortSignal,
): Promise<boolean> {
  const startedAt = parts.clock.now();
  const before = await askBefore(parts, claim, relay.name);
  const answered = before ?? (await handOver(parts, relay, claim, signal));
  const outcomes = signal.aborted ? answered : await askAfter(parts, claim, relay.name, answered);
  // A fault that came because we are stopping is ours, not the relay's.
  const fault = signal.aborted ? undefined : answered.find(isRelayFault)?.reply;
  const strain = signal.aborted ? undefined : strainOf(answered, health.well);
  const notBefore = fault === undefined ? startedAt : await health.fault(fault);
  const decided = decide(parts, relay, claim, outcomes);
  await conclude(parts, claim, decided, { startedAt, relay: relay.name, host: relay.host, notBefore });
  if (answered.some((outcome) => outcome.kind === 'sent')) share.succeeded(startedAt);
  if (fault === undefined && !signal.aborted && (await health.success(startedAt))) parts.queue.announceWork();
  const slowed = strain !== undefined && (await share.strained(strain, startedAt));
  return fault !== undefined || (slowed && strain.rest);
}

/** A login of one sender that is refused keeps back that sender's mail alone. */
function isRelayFault(outcome: Outcome): outcome is Outcome & { kind: 'deferred' } {
  return outcome.kind === 'deferred' && outcome.scope === 'relay' && !outcome.inDoubt && outcome.login === undefined;
}

/** A transport that throws has a fault of its own: it defers this message alone (invariant 8). */
async function handOver(
  parts: DeliveryParts,
  relay: Relay,
  claim: Claim,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const { message, deliveries } = claim;
  const envelope = {
    sender: message.sender,
    recipients: deliveries.map((delivery) => ({
      address: delivery.recipient,
      ...(delivery.notify !== null && { notify: delivery.notify }),
      ...(delivery.originalRecipient !== null && { originalRecipient: delivery.originalRecipient }),
    })),
    ...(message.ret !== null && { ret: message.ret }),
    ...(message.envelopeId !== null && { envelopeId: message.envelopeId }),
    smtputf8: message.smtputf8,
  };
  try {
    return await relay.transport.send(envelope, contentOf(parts.queue, claim), signal);
  } catch (error) {
    parts.log.error({ id: message.id, relay: relay.name, err: error }, 'transport failed');
    const text = `internal error, the message is tried again: ${error instanceof Error ? error.message : String(error)}`;
    const outcome: Outcome = {
      kind: 'deferred',
      scope: 'message',
      reply: { code: 451, status: '4.3.0', text },
      inDoubt: false,
    };
    return deliveries.map(() => outcome);
  }
}

function contentOf(queue: Queue, claim: Claim): Content {
  const { message, content } = claim;
  return {
    size: message.size,
    eightBit: message.eightBit,
    chunks: () => (content === undefined ? queue.content(message.id) : [content]),
  };
}

function decide(parts: DeliveryParts, relay: Relay, claim: Claim, outcomes: readonly Outcome[]): Decided[] {
  const now = parts.clock.now();
  const policy = policyFor(relay.policy, claim.message.retry);
  const context = { policy, now, doubt: relay.doubt, chance: parts.random() };
  return claim.deliveries.map((delivery, i) => {
    const outcome = outcomes[i] ?? unanswered;
    return { delivery: { ...delivery, lastAttemptAt: now }, outcome, decision: settle(delivery, outcome, context) };
  });
}

const unanswered: Outcome = {
  kind: 'deferred',
  scope: 'message',
  reply: { code: 451, status: '4.3.0', text: 'the transport gave no outcome for this recipient' },
  inDoubt: false,
};

/** Where and when the attempt was; null relay: nothing was tried. */
export interface AttemptPlace {
  readonly startedAt: Instant;
  readonly relay: string;
  readonly host: string | null;
  /** The relay is paused until then. */
  readonly notBefore?: Instant;
}

/** Writes what was decided together with the report it owes (invariant 9), then tells the log what took. */
export async function conclude(
  parts: DeliveryParts,
  claim: Claim,
  decided: readonly Decided[],
  place: AttemptPlace,
): Promise<void> {
  const reports = await owedReports(parts, claim, decided, place.host);
  const now = parts.clock.now();
  const settlements = decided.map((each) => settlementOf(claim, each, place, now));
  const took = await settleFirmly(parts, { settlements, reports });
  if (reports.length > 0 || settlements.some((settlement) => settlement.state === 'queued')) parts.queue.announceWork();
  decided.forEach((each, i) => {
    tell(parts.log, claim, each, place, now, took[i] === true);
  });
}

/**
 * What the relay took must be written down, or it goes out again: a store that cannot write (a full disk) is asked until it can.
 * Meanwhile the attempt keeps its place, so that the worker soon has no room to hand over more.
 */
async function settleFirmly(parts: DeliveryParts, group: SettleGroup): Promise<readonly boolean[]> {
  for (let failures = 0; ; failures++) {
    try {
      return await parts.settlements.add(group);
    } catch (error) {
      if (!(error instanceof PosthasteError) || error.code !== 'STORE_UNAVAILABLE') throw error;
      if (failures === 0)
        parts.log.error({ id: group.settlements[0]?.id, err: error }, 'an outcome cannot be written yet');
      await new Promise<void>((resolve) => parts.clock.after(SETTLE_RETRY, resolve));
    }
  }
}

function settlementOf(
  claim: Claim,
  { delivery, outcome, decision }: Decided,
  place: AttemptPlace,
  now: Instant,
): Settlement {
  const { state, reason, dueAt, giveBack, reply, inDoubt, delayReported } = decision;
  return {
    token: claim.token,
    id: delivery.id,
    ordinal: delivery.ordinal,
    state,
    reason,
    dueAt,
    giveBack,
    reply,
    inDoubt,
    delayReported,
    attempt:
      outcome === null
        ? null
        : {
            startedAt: place.startedAt,
            durationMs: now - place.startedAt,
            relay: place.relay,
            outcome: attemptOutcome(outcome),
            reply,
          },
  };
}

async function owedReports(
  parts: DeliveryParts,
  claim: Claim,
  decided: readonly Decided[],
  host: string | null,
): Promise<readonly NewMessage[]> {
  const recipients = decided.flatMap(({ delivery, decision }): Reported[] => {
    if (decision.report === null || decision.reply === null) return [];
    return [{ delivery, action: decision.report, reply: decision.reply, remote: host }];
  });
  const report = await reportOn(parts, claim.message, recipients, claim.content);
  return report === null ? [] : [report];
}

const EVENT: Readonly<Record<Settlement['state'], string>> = {
  sent: 'sent',
  captured: 'captured',
  bounced: 'bounced',
  queued: 'deferred',
  held: 'held',
};

/** One line for each delivery that changed (`delay` is its age in ms). */
function tell(log: Log, claim: Claim, each: Decided, place: AttemptPlace, now: Instant, took: boolean): void {
  const { delivery, decision } = each;
  const fields = {
    id: delivery.id,
    from: claim.message.sender ?? '<>',
    to: printable(delivery.recipient),
    relay: place.relay,
    attempts: delivery.attempts - (decision.giveBack ? 1 : 0),
    reply: decision.reply === null ? null : showReply(decision.reply),
    delay: now - delivery.createdAt,
    ...(decision.inDoubt && { inDoubt: true }),
    ...(decision.reason !== null && { reason: decision.reason }),
    ...(decision.state === 'queued' && {
      nextAttempt: new Date(Math.max(decision.dueAt, place.notBefore ?? 0)).toISOString(),
    }),
  };
  if (!took) log.warn(fields, 'lease lost before the outcome was written: another worker has this delivery');
  else if (decision.state === 'bounced') log.warn(fields, 'bounced');
  else log.info(fields, EVENT[decision.state]);
}
