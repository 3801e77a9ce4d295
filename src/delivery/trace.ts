/** What traces tell of an attempt, by the semantic conventions for messaging: nothing of addresses, and of replies their codes alone. */
import type { Claim, Settlement } from '../queue/store.ts';
import { MESSAGING } from '../queue/trace.ts';
import type { SpanEnd, SpanStart } from '../runtime/tracing.ts';
import { type Decided, EVENT } from './decided.ts';

export function attemptStart({ message, deliveries }: Claim, relay: string): SpanStart {
  return {
    name: 'deliver mail',
    attributes: {
      ...MESSAGING,
      'messaging.operation.name': 'deliver',
      'messaging.operation.type': 'process',
      'messaging.message.id': message.id,
      'messaging.message.body.size': message.size,
      'posthaste.relay': relay,
      'posthaste.recipients': deliveries.length,
      'posthaste.attempt': Math.max(...deliveries.map(({ attempts }) => attempts)),
    },
  };
}

/** The worst first: it stands for all of an attempt. */
const WORST: readonly Settlement['state'][] = ['bounced', 'held', 'queued', 'captured', 'sent'];
const WELL: readonly Settlement['state'][] = ['sent', 'captured'];

/** `took`: whether the claim of each still held when it was written. */
export function attemptEnd(decided: readonly Decided[], took: readonly boolean[]): SpanEnd {
  const rank = ({ decision }: Decided): number => WORST.indexOf(decision.state);
  const [worst] = decided.toSorted((a, b) => rank(a) - rank(b));
  if (worst === undefined) return { attributes: {} };
  const { state, reply } = worst.decision;
  const lost = took.includes(false);
  const attributes = {
    'posthaste.outcome': EVENT[state],
    'posthaste.recipients.sent': decided.filter(({ decision }) => WELL.includes(decision.state)).length,
    ...(reply !== null && { 'posthaste.reply.code': reply.code }),
    ...(reply?.status !== undefined && { 'posthaste.reply.status': reply.status }),
  };
  if (lost) return { attributes, error: 'LEASE_LOST' };
  return WELL.includes(state) ? { attributes } : { attributes, error: String(reply?.code ?? EVENT[state]) };
}
