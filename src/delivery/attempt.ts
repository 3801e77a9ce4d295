/** One attempt, as a pipe of named steps: hand over, decide, report, settle, tell. */

import type { Outcome } from '../mail/outcome.ts';
import { saysTooMuch, strainOf } from '../queue/pace.ts';
import type { Queue } from '../queue/queue.ts';
import { policyFor } from '../queue/schedule.ts';
import { settle } from '../queue/settle.ts';
import type { Claim } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Span } from '../runtime/tracing.ts';
import type { Content } from '../transport/transport.ts';
import { conclude, type DeliveryParts, firmly } from './conclude.ts';
import type { Decided } from './decided.ts';
import { dropExpired } from './expire.ts';
import { askAfter, askBefore } from './hooks.ts';
import type { Relay } from './relay.ts';
import type { RelayHealth } from './relay-health.ts';
import type { RelayShare } from './relay-share.ts';
import type { Result } from './round.ts';
import { attemptEnd, attemptStart } from './trace.ts';

/** What a worker knows of its relay, and tells the others of. */
export interface RelayView {
  readonly health: RelayHealth;
  readonly share: RelayShare;
}

/** What came of a try, for the worker. */
export interface Tried {
  readonly result: Result;
  /** No more should go out now: the relay was at fault, or rests. */
  readonly halt: boolean;
}

/** Tries what of a claim has not expired once, in a span that ends when its outcome is written. Nothing that a message does makes it throw. */
export async function attempt(
  parts: DeliveryParts,
  relay: Relay,
  view: RelayView,
  claimed: Claim,
  signal: AbortSignal,
): Promise<Tried> {
  const claim = await dropExpired(parts, claimed);
  if (claim === undefined) {
    if (await view.health.unmet([claimed.token])) parts.queue.announceWork();
    return { result: 'ended', halt: false };
  }
  const start = attemptStart(claim, relay.name);
  return parts.tracing.consume(start, claim.message.trace, (span) =>
    attemptIn(span, parts, relay, view, claim, signal),
  );
}

async function attemptIn(
  span: Span,
  parts: DeliveryParts,
  relay: Relay,
  { health, share }: RelayView,
  claim: Claim,
  signal: AbortSignal,
): Promise<Tried> {
  const startedAt = parts.clock.now();
  const before = await askBefore(parts, claim, relay.name, signal);
  const { outcomes: answered, met } =
    before === undefined ? await handOver(parts, relay, claim, signal) : { outcomes: before, met: false };
  const outcomes = signal.aborted ? answered : await askAfter(parts, claim, relay.name, answered, signal);
  // A fault that came because we are stopping is ours, not the relay's.
  const fault = signal.aborted ? undefined : faultIn(answered);
  const { well } = health;
  const pause =
    fault === undefined ? undefined : await firmly(parts, claim.message.id, () => pauseFor(fault, health, claim));
  const toBlame = pause === 'message';
  const strain = signal.aborted || toBlame ? undefined : strainOf(answered, well);
  const decided = decide(parts, relay, claim, outcomes, toBlame);
  const notBefore = typeof pause === 'number' ? pause : startedAt;
  const place = { startedAt, relay: relay.name, host: relay.host, notBefore, faulty: fault !== undefined };
  const concluded = await conclude(parts, claim, decided, place);
  span.end(attemptEnd(concluded.decided, concluded.took));
  const sent = answered.some((outcome) => outcome.kind === 'sent');
  if (sent) share.succeeded(startedAt);
  const opened =
    signal.aborted || !met
      ? await health.unmet([claim.token])
      : fault === undefined && (await health.success(startedAt));
  if (opened) parts.queue.announceWork();
  if (sent) await health.sent();
  const slowed = strain !== undefined && (await share.strained(strain, startedAt));
  return { result: resultOf(concluded.decided), halt: (fault !== undefined && !toBlame) || (slowed && strain.rest) };
}

function resultOf(decided: readonly Decided[]): Result {
  const states = decided.map(({ decision }) => decision.state);
  if (states.some((state) => state === 'sent' || state === 'captured')) return 'sent';
  return states.includes('queued') ? 'deferred' : 'ended';
}

/** What posthaste refuses itself, a size or an address, has not met the relay, no more than what a hook stopped. */
function isAnswer({ kind, reply }: Outcome): boolean {
  return kind !== 'refused' || reply.ours !== true;
}

type RelayFault = Outcome & { kind: 'deferred' };

/** The one that tells most: of this message, or before any; that another message had one is told by that message. */
function faultIn(outcomes: readonly Outcome[]): RelayFault | undefined {
  const faults = outcomes.filter(isRelayFault);
  return faults.find(({ during }) => during !== 'other') ?? faults[0];
}

/** Until when the relay is paused; undefined: not for this one. */
async function pauseFor(
  { during, reply }: RelayFault,
  health: RelayHealth,
  claim: Claim,
): Promise<Instant | 'message' | undefined> {
  if (during === 'other') return undefined;
  return await health.fault(reply, during === 'own' && !saysTooMuch(reply) ? claim.message.id : null);
}

/** A login of one sender that is refused keeps back that sender's mail alone. */
function isRelayFault(outcome: Outcome): outcome is RelayFault {
  return outcome.kind === 'deferred' && outcome.scope === 'relay' && !outcome.inDoubt && outcome.login === undefined;
}

interface HandedOver {
  readonly outcomes: readonly Outcome[];
  /** The relay was met, or could not be: what came of it says how it stands. */
  readonly met: boolean;
}

/** A transport that throws has a fault of its own: it defers this message alone (invariant 8), and says nothing of the relay. */
async function handOver(parts: DeliveryParts, relay: Relay, claim: Claim, signal: AbortSignal): Promise<HandedOver> {
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
    const outcomes = await relay.transport.send(envelope, contentOf(parts.queue, claim), signal);
    return { outcomes, met: outcomes.some(isAnswer) };
  } catch (error) {
    parts.log.error({ id: message.id, relay: relay.name, err: error }, 'transport failed');
    const text = `internal error, the message is tried again: ${error instanceof Error ? error.message : String(error)}`;
    const outcome: Outcome = {
      kind: 'deferred',
      scope: 'message',
      reply: { code: 451, status: '4.3.0', text, ours: true },
      inDoubt: false,
    };
    return { outcomes: deliveries.map(() => outcome), met: false };
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

function decide(
  parts: DeliveryParts,
  relay: Relay,
  claim: Claim,
  outcomes: readonly Outcome[],
  toBlame: boolean,
): Decided[] {
  const now = parts.clock.now();
  const policy = policyFor(relay.policy, claim.message.retry);
  const context = { policy, now, doubt: relay.doubt, chance: parts.random(), toBlame };
  return claim.deliveries.map((delivery, i) => {
    const outcome = outcomes[i] ?? unanswered;
    return { delivery: { ...delivery, lastAttemptAt: now }, outcome, decision: settle(delivery, outcome, context) };
  });
}

const unanswered: Outcome = {
  kind: 'deferred',
  scope: 'message',
  reply: { code: 451, status: '4.3.0', text: 'the transport gave no outcome for this recipient', ours: true },
  inDoubt: false,
};
