/** The end of an attempt: what was decided is written down together with the report it owes, then told to the log. */
import { isStoreAway } from '../errors.ts';
import type { Outcome } from '../mail/outcome.ts';
import { printable, type Reply, showReply } from '../mail/reply.ts';
import type { NewMessage } from '../queue/message.ts';
import { ON_DEMAND } from '../queue/schedule.ts';
import { attemptOutcome, type Decision, isInDoubt } from '../queue/settle.ts';
import type { Claim, SettleGroup, Settlement, Store } from '../queue/store.ts';
import type { Reported } from '../report/owed.ts';
import type { Batch } from '../runtime/batch.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import type { Tracing } from '../runtime/tracing.ts';
import { type Decided, EVENT } from './decided.ts';
import type { Hooks } from './hooks.ts';
import { type ReportParts, reportOn } from './reports.ts';

/** What attempts and the janitor work with. */
export interface DeliveryParts extends ReportParts {
  readonly store: Store;
  /** A random number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly hooks: Hooks;
  readonly tracing: Tracing;
  /** Many settlements, one transaction. Answers for each whether its claim still held. */
  readonly settlements: Batch<SettleGroup, readonly boolean[]>;
}

/** Between two tries to use the store, ms. */
const STORE_RETRY = 1_000;

/** Where and when the attempt was; null relay: nothing was tried. */
export interface AttemptPlace {
  readonly startedAt: Instant;
  readonly relay: string;
  readonly host: string | null;
  /** The relay is paused until then. */
  readonly notBefore?: Instant;
  /** The relay was at fault, and we were not the ones who broke off. */
  readonly faulty?: boolean;
}

/** What was written of an attempt, and for each delivery whether its claim still held. */
export interface Concluded {
  readonly decided: readonly Decided[];
  readonly took: readonly boolean[];
}

/** Writes what was decided together with the report it owes (invariant 9), then tells the log what took. */
export async function conclude(
  parts: DeliveryParts,
  claim: Claim,
  decided: readonly Decided[],
  place: AttemptPlace,
): Promise<Concluded> {
  const concluded = await write(parts, claim, decided, place);
  const now = parts.clock.now();
  concluded.decided.forEach((each, i) => {
    tell(parts.log, claim, each, place, now, concluded.took[i] === true);
  });
  return concluded;
}

/** A report that cannot be made or kept must not lose what the relay said, or mail that it took goes out again. */
async function write(
  parts: DeliveryParts,
  claim: Claim,
  decided: readonly Decided[],
  place: AttemptPlace,
): Promise<Concluded> {
  try {
    const reports = await firmly(parts, claim.message.id, () => owedReports(parts, claim, decided, place.host));
    return { decided, took: await settleAll(parts, claim, decided, place, reports) };
  } catch (error) {
    if (decided.every(({ decision }) => decision.report === null)) throw error;
    parts.log.error({ id: claim.message.id, err: error }, 'an end could not be written with its report');
    const without = decided.map((each) => ({ ...each, decision: withoutReport(each.decision, error) }));
    return { decided: without, took: await settleAll(parts, claim, without, place, []) };
  }
}

async function settleAll(
  parts: DeliveryParts,
  claim: Claim,
  decided: readonly Decided[],
  place: AttemptPlace,
  reports: readonly NewMessage[],
): Promise<readonly boolean[]> {
  const now = parts.clock.now();
  const settlements = decided.map((each) => settlementOf(claim, each, place, now));
  const took = await firmly(parts, claim.message.id, (again) =>
    parts.settlements.add({ settlements, reports, ...(again && { again }) }),
  );
  if (reports.length > 0 || settlements.some((settlement) => settlement.state === 'queued')) parts.queue.announceWork();
  return took;
}

/** Nobody would hear that it was given up, so it is not: an operator decides. What waits owes its report still. */
function withoutReport(decision: Decision, error: unknown): Decision {
  if (decision.report === 'delayed') return { ...decision, delayReported: false, report: null };
  if (decision.report !== 'failed') return { ...decision, report: null };
  const why = error instanceof Error ? error.message : String(error);
  const said = decision.reply === null ? '' : `; what was said: ${showReply(decision.reply)}`;
  const text = `internal error, it could not be given up with a report to its sender: ${why}${said}`;
  const reply: Reply = { code: 451, status: '4.3.0', text, ours: true };
  return { ...decision, state: 'held', reason: 'error', reply, report: null };
}

/**
 * What came of an attempt must be written down, or it is made again: a store that cannot be used (a full disk) is asked until it can.
 * Meanwhile the attempt keeps its place, so that the worker soon has no room to hand over more.
 */
export async function firmly<T>(
  { clock, log }: Pick<DeliveryParts, 'clock' | 'log'>,
  id: Id,
  ask: (again: boolean) => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await ask(failures > 0);
    } catch (error) {
      if (!isStoreAway(error)) throw error;
      if (failures === 0) log.error({ id, err: error }, 'an outcome cannot be written yet');
      await new Promise<void>((resolve) => clock.after(STORE_RETRY, resolve));
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
    ...(giveBack && place.faulty === true && isUnbegun(outcome) && { unbegun: true }),
    reply,
    inDoubt,
    ...(outcome !== null && isInDoubt(outcome) && { relay: place.relay }),
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

/** The way to the relay came to nothing before there was a transaction. */
function isUnbegun(outcome: Outcome | null): boolean {
  return outcome?.kind === 'deferred' && outcome.scope === 'relay' && outcome.during === undefined;
}

async function owedReports(
  parts: DeliveryParts,
  claim: Claim,
  decided: readonly Decided[],
  host: string | null,
): Promise<readonly NewMessage[]> {
  const now = parts.clock.now();
  const recipients = decided.flatMap(({ delivery, decision }): Reported[] => {
    if (decision.report === null || decision.reply === null) return [];
    const { report: action, reply, reason, inDoubt: doubt } = decision;
    const limit = now >= delivery.expiresAt ? 'time' : 'attempts';
    return [{ delivery, action, reply, remote: host, expired: reason === 'expired' ? limit : null, doubt }];
  });
  const report = await reportOn(parts, claim.message, recipients, claim.content);
  return report === null ? [] : [report];
}

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
      nextAttempt:
        decision.dueAt === ON_DEMAND
          ? 'on demand'
          : new Date(Math.max(decision.dueAt, place.notBefore ?? 0)).toISOString(),
    }),
  };
  if (!took) log.warn(fields, 'lease lost before the outcome was written: another worker has this delivery');
  else if (decision.state === 'bounced') log.warn(fields, 'bounced');
  else log.info(fields, EVENT[decision.state]);
}
