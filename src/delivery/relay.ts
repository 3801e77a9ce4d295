/** A relay as the worker sees it: its name, the way to it, and how its mail is treated. */
import type { Rate } from '../queue/rate.ts';
import type { RetryPolicy } from '../queue/schedule.ts';
import type { Transport } from '../transport/transport.ts';
import type { RoundLimits } from './round.ts';
import type { StandIn } from './stand-in.ts';

export interface Relay {
  /** As in configuration, and in every delivery routed to it. */
  readonly name: string;
  /** Its host, for reports; null for a transport that is no server. */
  readonly host: string | null;
  readonly transport: Transport;
  readonly policy: RetryPolicy;
  /** A delivery in doubt is sent again, or waits for an operator. */
  readonly doubt: 'resend' | 'hold';
  /** Connections of all processes together; null: any number. */
  readonly connections: number | null;
  /** Recipients in any span of time, over all processes. */
  readonly rates: readonly Rate[];
  /** Of one round, beside those that all relays of the process share. */
  readonly limits: RoundLimits;
  /** Relays in whose place this one sends when they are down. */
  readonly standIns: readonly StandIn[];
}
