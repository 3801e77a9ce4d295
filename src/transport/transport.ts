/** A way of handing mail over. */
import type { Envelope } from '../mail/envelope.ts';
import type { Outcome } from '../mail/outcome.ts';

export interface Content {
  /** Octets. */
  readonly size: number;
  /** Has octets above 127. */
  readonly eightBit: boolean;
  /** The octets in order; a new iterable at each call. */
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface Transport {
  /** How many calls of `send` it can use at once. */
  readonly concurrency: number;
  /**
   * Tries once; one Outcome for each recipient of the envelope, in its order. Never throws for what the remote or the network
   * did. `signal` asks it to give up: what had not reached its final dot comes back deferred with scope relay.
   */
  send(envelope: Envelope, content: Content, signal: AbortSignal): Promise<readonly Outcome[]>;
  /** Ends idle connections; those in use end after their transaction. */
  close(): Promise<void>;
  /** Breaks off what neither `signal` nor `close` has ended: what is behind its final dot comes back in doubt. */
  breakOff?(): void;
}

/** A transport that keeps connections, whose number may be changed while it runs. */
export interface Connected extends Transport {
  /** How many may stand. */
  readonly limit: number;
  /** How many stand, are being made, or are ending. */
  readonly connections: number;
  /** The most of them at once since `restartPeak`. */
  readonly peak: number;
  restartPeak(): void;
  /** Those that are too many end after the transaction that they are in. With 0 what was handed over waits. */
  setLimit(connections: number): void;
}

export function isConnected(transport: Transport): transport is Connected {
  return 'setLimit' in transport;
}
