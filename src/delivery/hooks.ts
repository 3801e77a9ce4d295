/** Functions of the user's own around an attempt. What they do wrong concerns the message at hand, and no other. */
import type { BeforeSend, HookMessage, OnDeliveryError, OnRelayChange, RelayChange } from '../mail/hooks.ts';
import type { Outcome } from '../mail/outcome.ts';
import type { Delivery } from '../queue/delivery.ts';
import type { Claim } from '../queue/store.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';

/** What hooks are asked with. */
interface HookParts {
  readonly hooks: Hooks;
  readonly clock: Clock;
  readonly log: Log;
}

/** An attempt waits no longer for a hook, ms: one that never answers would keep its place for ever. */
export const HOOK_TIMEOUT = 30_000;

export interface Hooks {
  readonly beforeSend?: BeforeSend;
  readonly onDeliveryError?: OnDeliveryError;
  readonly onRelayChange?: OnRelayChange;
}

/** Nobody waits for it: mail does not depend on who is told. */
export async function tellRelayChange(hooks: Hooks, change: RelayChange, log: Log): Promise<void> {
  try {
    await hooks.onRelayChange?.(change);
  } catch (error) {
    log.warn({ relay: change.relay, hook: 'onRelayChange', error: String(error) }, 'a hook failed');
  }
}

/** A stop does not wait for hooks. */
class Stopped extends Error {
  override readonly message = 'posthaste is stopping';
}

/** What a hook answers within its time. What it does later counts no more, also when it fails. */
async function inTime<T>(clock: Clock, signal: AbortSignal, answer: T | Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const error = new Error(`it took longer than ${HOOK_TIMEOUT / 1_000} s`);
  const cancel = clock.after(HOOK_TIMEOUT, () => reject(error));
  const stop = (): void => reject(new Stopped());
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([answer, late]);
  } finally {
    cancel();
    signal.removeEventListener('abort', stop);
  }
}

/**
 * The outcomes that `beforeSend` causes by throwing or by taking too long; undefined: the attempt may go on. Where `signal` says to
 * stop, nothing was tried, and the attempt is given back as for a fault of the relay.
 */
export async function askBefore(
  parts: HookParts,
  claim: Claim,
  relay: string,
  signal: AbortSignal,
): Promise<Outcome[] | undefined> {
  const { hooks, clock, log } = parts;
  if (hooks.beforeSend === undefined) return undefined;
  const recipients = claim.deliveries.map((delivery) => delivery.recipient);
  try {
    await inTime(clock, signal, hooks.beforeSend({ ...about(claim, relay), recipients }));
    return undefined;
  } catch (error) {
    log.warn({ id: claim.message.id, hook: 'beforeSend', error: String(error) }, 'a hook failed, the message waits');
    const text = `beforeSend failed: ${error instanceof Error ? error.message : String(error)}`;
    const reply = { code: 451, status: '4.3.0', text, ours: true } as const;
    const scope = error instanceof Stopped ? 'relay' : 'message';
    return recipients.map(() => ({ kind: 'deferred', scope, reply, inDoubt: false }));
  }
}

/** The outcomes as `onDeliveryError` wants them. */
export async function askAfter(
  { hooks, clock, log }: HookParts,
  claim: Claim,
  relay: string,
  outcomes: readonly Outcome[],
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const { onDeliveryError } = hooks;
  if (onDeliveryError === undefined) return outcomes;
  const ask = async (outcome: Outcome, delivery: Delivery | undefined): Promise<Outcome> => {
    if (delivery === undefined || (outcome.kind !== 'deferred' && outcome.kind !== 'refused')) return outcome;
    const { kind, scope, reply } = outcome;
    const inDoubt = outcome.kind === 'deferred' && outcome.inDoubt;
    const { recipient, attempts } = delivery;
    try {
      const failure = { ...about(claim, relay), recipient, outcome: kind, scope, reply, inDoubt, attempts };
      return judged(outcome, await inTime(clock, signal, onDeliveryError(failure)));
    } catch (error) {
      log.warn(
        { id: claim.message.id, hook: 'onDeliveryError', error: String(error) },
        'a hook failed, what it was asked about waits',
      );
      return unjudged(outcome);
    }
  };
  return Promise.all(outcomes.map((outcome, i) => ask(outcome, claim.deliveries[i])));
}

/** A relay's fault stays one, whatever is said about a single message: only its end can be decided otherwise. */
function judged(outcome: Outcome & { kind: 'deferred' | 'refused' }, answer: unknown): Outcome {
  const { reply } = outcome;
  if (answer === undefined || answer === outcome.kind) return outcome;
  if (answer === 'sent') return { kind: 'sent', reply };
  const scope = outcome.scope === 'relay' ? 'message' : outcome.scope;
  if (answer === 'refused') {
    const inDoubt = outcome.kind === 'deferred' && outcome.inDoubt;
    return { kind: 'refused', scope, reply, inDoubt };
  }
  if (answer === 'deferred') return { kind: 'deferred', scope, reply, inDoubt: false };
  throw new TypeError(`it answered ${JSON.stringify(answer)}; allowed are 'sent', 'deferred', 'refused' and undefined`);
}

/** Nobody knows what the hook would have made of it, so nothing is given up. */
function unjudged(outcome: Outcome & { kind: 'deferred' | 'refused' }): Outcome {
  return outcome.kind === 'deferred' ? outcome : { ...outcome, kind: 'deferred', inDoubt: false };
}

function about({ message }: Claim, relay: string): HookMessage {
  const { id, sender, messageId, subject, tags, metadata, createdAt } = message;
  return { id, sender, messageId, subject, tags, metadata, createdAt, relay };
}
