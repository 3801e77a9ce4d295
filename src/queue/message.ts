/** A message as it was submitted: what never changes after acceptance (invariant 2). */
import type { Address } from '../mail/address.ts';
import type { Notify } from '../mail/envelope.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { TraceContext } from '../runtime/tracing.ts';
import type { Reason } from './reason.ts';
import type { RetryOverride } from './schedule.ts';

/** Strict order of the queue. `deferred` waits until a person or a cron line asks for it. */
export type Priority = 'high' | 'medium' | 'low' | 'deferred';
export const PRIORITIES: readonly Priority[] = ['high', 'medium', 'low', 'deferred'];

/** The way by which a message came. `report` is a DSN that posthaste wrote itself. */
export type Origin = 'smtp' | 'library' | 'sendmail' | 'report';

/** What was submitted, but for its recipients and its content. */
export interface Message {
  /** The queue id: what the 250 says and what commands take. */
  readonly id: Id;
  readonly createdAt: Instant;
  readonly sender: Address | null;
  /** The Message-ID field with its angle brackets. */
  readonly messageId: string;
  /** The decoded Subject for lists and searches, at most 255 characters; null where there is none. */
  readonly subject: string | null;
  /** Octets of the content as it is kept, with the Received field. */
  readonly size: number;
  /** The content has octets above 127: the next hop must offer 8BITMIME. */
  readonly eightBit: boolean;
  /** The next hop must offer SMTPUTF8. */
  readonly smtputf8: boolean;
  readonly ret: 'full' | 'hdrs' | null;
  /** ENVID, xtext. */
  readonly envelopeId: string | null;
  readonly priority: Priority;
  readonly origin: Origin;
  /** For a report: the message it is about. */
  readonly reportOn: Id | null;
  /** The submitter's idempotency key. */
  readonly key: string | null;
  readonly tags: readonly string[];
  /** The submitter's own data, kept and shown, never sent. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What it asks for in place of its relay's retry policy; null: nothing. */
  readonly retry: RetryOverride | null;
  /** False: the content goes when every delivery has ended, and none of them can be sent again. */
  readonly keepContent: boolean;
  /** Of its submission, for the spans of its attempts; null: nobody traced it. */
  readonly trace: TraceContext | null;
}

/** One recipient of a message on its way into the store. */
export interface NewDelivery {
  readonly recipient: Address;
  readonly notify: readonly Notify[] | null;
  /** ORCPT, xtext. */
  readonly originalRecipient: string | null;
  readonly relay: string;
  readonly dueAt: Instant;
  /** When it is given up if it has not been sent by then. */
  readonly expiresAt: Instant;
  /** When its sender is told of the delay if it still waits; null: never. */
  readonly delayReportAt: Instant | null;
  /** Why it is held from the start; null: it is queued. */
  readonly held: Reason | null;
}

/** Bytes in memory, or a number of chunks that were staged under the message's id. */
export type NewContent = { readonly bytes: Uint8Array } | { readonly stagedChunks: number };

export interface NewMessage {
  readonly message: Message;
  readonly deliveries: readonly NewDelivery[];
  readonly content: NewContent;
  /** What the submitter gave under its key, as a digest: another message with that key is the same if its digest is. Without one, it is. */
  readonly keyDigest?: Uint8Array;
}
