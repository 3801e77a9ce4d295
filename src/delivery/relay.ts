/** A relay as the worker sees it: its name, the way to it, and how its mail is treated. */
import type { RetryPolicy } from '../queue/schedule.ts';
import type { Transport } from '../transport/transport.ts';

export interface Relay {
  /** As in configuration, and in every delivery routed to it. */
  readonly name: string;
  /** Its host, for reports; null for a transport that is no server. */
  readonly host: string | null;
  readonly transport: Transport;
  readonly policy: RetryPolicy;
  /** A delivery in doubt is sent again, or waits for an operator. */
  readonly doubt: 'resend' | 'hold';
}
