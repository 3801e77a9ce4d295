/** Functions of the user's own around an attempt: what they are told, and what they may answer. Times are milliseconds since 1970. */
import type { Address } from './address.ts';
import type { Scope } from './outcome.ts';
import type { Reply } from './reply.ts';

/** What hooks are told of a message. Times are milliseconds since 1970. */
export interface HookMessage {
  /** The queue id. */
  readonly id: string;
  /** null is the null sender of reports. */
  readonly sender: Address | null;
  /** With its angle brackets. */
  readonly messageId: string;
  readonly subject: string | null;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** The relay that is to take it. */
  readonly relay: string;
}

/** What `beforeSend` is told of a message that is about to be sent. */
export interface MessageToSend extends HookMessage {
  readonly recipients: readonly Address[];
}

/** What `onDeliveryError` is told of an attempt that failed. */
export interface DeliveryFailure extends HookMessage {
  readonly recipient: Address;
  /** What becomes of it if the hook does not say otherwise. */
  readonly outcome: 'deferred' | 'refused';
  readonly scope: Scope;
  readonly reply: Reply;
  /** It may have been taken: the connection broke before the answer. */
  readonly inDoubt: boolean;
  /** With this one. */
  readonly attempts: number;
}

/** Called before each attempt for a message. An exception, or an answer that takes longer than 30 s, defers that message alone. */
export type BeforeSend = (message: MessageToSend) => void | Promise<void>;

/** Called for each recipient whose attempt failed; what it answers is the outcome. An exception, or more than 30 s, defers that one: nothing is given up unjudged. */
export type OnDeliveryError = (
  failure: DeliveryFailure,
) => 'sent' | 'deferred' | 'refused' | undefined | Promise<'sent' | 'deferred' | 'refused' | undefined>;

/** Something about a relay that a person may want to hear of. Times are milliseconds since 1970. */
export type RelayChange =
  /** A fault of the relay: its mail waits. Comes again with each probe that fails; `faults` counts them, the first is 1. */
  | {
      readonly relay: string;
      readonly state: 'paused';
      readonly faults: number;
      readonly since: number;
      readonly reply: Reply;
      readonly nextProbe: number;
    }
  /** It has taken part in a transaction again. */
  | { readonly relay: string; readonly state: 'well' };

/** Called when a relay is paused for its faults and when it is well again, in the process that met it. What it throws is logged. */
export type OnRelayChange = (change: RelayChange) => void | Promise<void>;
