/** What traces tell of a message, by the semantic conventions for messaging: nothing of its addresses, its subject and its content. */
import type { Envelope } from '../mail/envelope.ts';
import type { Id } from '../runtime/id.ts';
import type { SpanEnd, SpanStart, TraceAttributes } from '../runtime/tracing.ts';
import type { Origin } from './message.ts';
import type { Inserted } from './store.ts';

/** The queue is the system and has no others in it: its name stands for the destination too. */
export const MESSAGING: TraceAttributes = {
  'messaging.system': 'posthaste',
  'messaging.destination.name': 'mail',
};

interface Submitted {
  readonly id: Id;
  readonly envelope: Envelope;
  readonly size: number;
  readonly origin: Origin;
}

export function submissionStart({ id, envelope, size, origin }: Submitted): SpanStart {
  return {
    name: 'submit mail',
    attributes: {
      ...MESSAGING,
      'messaging.operation.name': 'submit',
      'messaging.operation.type': 'send',
      'messaging.message.id': id,
      'messaging.message.body.size': size,
      'posthaste.origin': origin,
      'posthaste.recipients': envelope.recipients.length,
    },
  };
}

/** A duplicate is the message that had its key before. */
export function submissionEnd({ id, duplicate }: Inserted): SpanEnd {
  return { attributes: { 'messaging.message.id': id, 'posthaste.duplicate': duplicate } };
}
