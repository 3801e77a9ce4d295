/** What was decided of the deliveries of one attempt, and the words for it. */
import type { Outcome } from '../mail/outcome.ts';
import type { Delivery } from '../queue/delivery.ts';
import type { Decision } from '../queue/settle.ts';
import type { Settlement } from '../queue/store.ts';

/** A delivery, what came of its attempt, and what that makes of it. */
export interface Decided {
  readonly delivery: Delivery;
  readonly outcome: Outcome | null;
  readonly decision: Decision;
}

/** The state that an attempt leads to, as an event. */
export const EVENT: Readonly<Record<Settlement['state'], string>> = {
  sent: 'sent',
  captured: 'captured',
  bounced: 'bounced',
  queued: 'deferred',
  held: 'held',
};
