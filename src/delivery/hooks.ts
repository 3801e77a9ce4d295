/** Functions of the user's own around an attempt. What they do wrong concerns the message at hand, and no other. */
import type { Address } from '../mail/address.ts';
import type { Outcome, Scope } from '../mail/outcome.ts';
import type { Reply } from '../mail/reply.ts';
import type { Delivery } from '../queue/delivery.ts';
import type { Claim } from '../queue/store.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';

interface HookMessage {
  readonly id: string;
  readonly sender: Address | null;
  readonly messageId: string;
  readonly subject: string | null;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Instant;
  readonly relay: string;
}

export type RelayChange =
  | {
      readonly relay: string;
      readonly state: 'paused';
      readonly faults: number;
      readonly since: Instant;
      readonly reply: Reply;
      readonly nextProbe: Instant;
    }
  | { readonly relay: string; readonly state: 'well' };

/** What hooks are asked with. */
interface HookParts {
  readonly hooks: Hooks;
  readonly clock: Clock;
  readonly log: Log;
}

/** An attempt waits no longer for a hook, ms: one that never answers would keep its place for ever. */
export const HOOK_TIMEOUT = 30_000;

type Answer = 'sent' | 'deferred' | 'refused' | undefined;

export interface Hooks {
  /** Before each attempt; an exception, or an answer that takes longer than 30 s, defers this message alone. */
  readonly beforeSend?: (message: HookMessage & { readonly recipients: readonly Address[] }) => void | Promise<void>;
  /** For each recipient whose attempt failed; what it answers is the outcome. An exception, or more than 30 s, changes nothing but the log. */
  readonly onDeliveryError?: (
    failure: HookMessage & {
      readonly recipient: Address;
      readonly outcome: 'deferred' | 'refused';
      readonly scope: Scope;
      readonly reply: Reply;
      readonly inDoubt: boolean;
      readonly attempts: number;
    },
  ) => Answer | Promise<Answer>;
  /** When the relay is paused for its faults, and when it is well again. */
  readonly onRelayChange?: (change: RelayChange) => void | Promise<void>;
}

/** Nobody waits for it: mail does not depend on who is told. */
export async function tellRelayChange(hooks: Hooks, change: RelayChange, log: Log): Promise<void> {
  try {
    await hooks.onRelayChange?.(change);
  } catch (error) {
    log.warn({ relay: change.relay, hook: 'onRelayChange', error: String(error) }, 'a hook failed');
  }
}

/** What a hook answers within its time. What it does later counts no more, also when it fails. */
async function inTime<T>(clock: Clock, answer: T | Promise<T>): Promise<T> {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`it took longer than ${HOOK_TIMEOUT / 1_000} s`);
    cancel = clock.after(HOOK_TIMEOUT, () => reject(error));
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    cancel();
  }
}

/** The outcomes that `beforeSend` causes by throwing or by taking too long; undefined: the attempt may go on. */
export async function askBefore(parts: HookParts, claim: Claim, relay: string): Promise<Outcome[] | undefined> {
  const { hooks, clock, log } = parts;
  if (hooks.beforeSend === undefined) return undefined;
  const recipients = claim.deliveries.map((delivery) => delivery.recipient);
  try {
    await inTime(clock, hooks.beforeSend({ ...about(claim, relay), recipients }));
    return undefined;
  } catch (error) {
    log.warn({ id: claim.message.id, hook: 'beforeSend', error: String(error) }, 'a hook failed, the message waits');
    const text = `beforeSend failed: ${error instanceof Error ? error.message : String(error)}`;
    const reply = { code: 451, status: '4.3.0', text };
    return recipients.map(() => ({ kind: 'deferred', scope: 'message', reply, inDoubt: false }));
  }
}

/** The outcomes as `onDeliveryError` wants them. */
export async function askAfter(
  { hooks, clock, log }: HookParts,
  claim: Claim,
  relay: string,
  outcomes: readonly Outcome[],
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
      return judged(outcome, await inTime(clock, onDeliveryError(failure)));
    } catch (error) {
      log.warn(
        { id: claim.message.id, hook: 'onDeliveryError', error: String(error) },
        'a hook failed, its word does not count',
      );
      return outcome;
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
  if (answer === 'refused') return { kind: 'refused', scope, reply };
  if (answer === 'deferred') return { kind: 'deferred', scope, reply, inDoubt: false };
  throw new TypeError(`it answered ${JSON.stringify(answer)}; allowed are 'sent', 'deferred', 'refused' and undefined`);
}

function about({ message }: Claim, relay: string): HookMessage {
  const { id, sender, messageId, subject, tags, metadata, createdAt } = message;
  return { id, sender, messageId, subject, tags, metadata, createdAt, relay };
}
