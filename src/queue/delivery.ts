/** A delivery: one recipient's share of a message; its states and the moves between them. */
import type { Address } from '../mail/address.ts';
import type { Notify } from '../mail/envelope.ts';
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Priority } from './message.ts';
import type { Reason } from './reason.ts';
import { ON_DEMAND } from './schedule.ts';

/** Where a delivery is (docs/states.md). */
export type State =
  /** Waits for an attempt, from `dueAt` on; a worker moves it on. */
  | 'queued'
  /** Claimed by one worker until its lease ends; that worker moves it on, or a janitor after the lease. */
  | 'sending'
  /** Stopped by an operator, who moves it on. */
  | 'held'
  /** The relay took responsibility; nothing moves it on. */
  | 'sent'
  /** Kept here on purpose, with no relay to take it; an operator may queue it again. */
  | 'captured'
  /** Given up; an operator may queue it again. */
  | 'bounced'
  /** Removed by an operator, who may queue it again. */
  | 'cancelled';

/** Every move that is allowed. A store refuses any other (`docs/states.md` tells the same for people). */
export const MOVES: Readonly<Record<State, readonly State[]>> = {
  queued: ['sending', 'held', 'bounced', 'cancelled'],
  sending: ['queued', 'held', 'sent', 'captured', 'bounced'],
  held: ['queued', 'cancelled'],
  sent: [],
  captured: ['queued', 'cancelled'],
  bounced: ['queued'],
  cancelled: ['queued'],
};

export const STATES = Object.keys(MOVES) as readonly State[];

/** States from which nothing happens by itself; purge looks only here. */
export const ENDED: readonly State[] = ['sent', 'captured', 'bounced', 'cancelled'];

/** Waits until somebody retries it: from the start, or after an attempt that failed, where retries are manual. */
export function isOnDemand({ priority, dueAt }: Pick<Delivery, 'priority' | 'dueAt'>): boolean {
  return priority === 'deferred' || dueAt >= ON_DEMAND;
}

/** One recipient's share of a message. */
export interface Delivery {
  /** The message's id. Together with `ordinal` it names the delivery. */
  readonly id: Id;
  /** The recipient's place in the envelope, from 1. */
  readonly ordinal: number;
  readonly recipient: Address;
  readonly notify: readonly Notify[] | null;
  readonly originalRecipient: string | null;
  readonly relay: string;
  readonly state: State;
  readonly reason: Reason | null;
  readonly priority: Priority;
  readonly createdAt: Instant;
  readonly dueAt: Instant;
  readonly expiresAt: Instant;
  /** Attempts that counted: relay faults and orderly releases are given back. */
  readonly attempts: number;
  /** What the relay said last, or what we said for it. */
  readonly lastReply: Reply | null;
  readonly lastAttemptAt: Instant | null;
  /** An attempt ended between the final dot and its reply, and nothing after it has settled the matter. */
  readonly inDoubt: boolean;
  /** From then on its sender is owed word of the delay while it waits; null: never. */
  readonly delayReportAt: Instant | null;
  /** A delay report was sent. */
  readonly delayReported: boolean;
  /** When `state` was last written. */
  readonly changedAt: Instant;
}

/** One try, as the log keeps it. */
export interface Attempt {
  readonly ordinal: number;
  readonly startedAt: Instant;
  readonly durationMs: number;
  readonly relay: string;
  readonly outcome: 'sent' | 'captured' | 'deferred' | 'refused' | 'in doubt' | 'crashed';
  readonly reply: Reply | null;
}
