/** Deliveries and what is known of them as programs read them, by command or over HTTP: every key is always there, times are in ms. */
import type { Reply } from '../mail/reply.ts';
import type { Attempt, Delivery } from './delivery.ts';
import type { NextTry } from './next-try.ts';
import type { Listed } from './store.ts';

export interface ReplyView {
  readonly code: number;
  readonly status: string | null;
  readonly text: string;
}

export function replyView(reply: Reply): ReplyView;
export function replyView(reply: Reply | null): ReplyView | null;
export function replyView(reply: Reply | null): ReplyView | null {
  return reply === null ? null : { code: reply.code, status: reply.status ?? null, text: reply.text };
}

/** When it is tried next, and what it waits for; null: nothing of the kind. */
function nextView(next: NextTry | null) {
  return { nextAt: next?.at ?? null, waitsFor: next?.obstacle ?? null };
}

export function attemptView(attempt: Attempt) {
  return { ...attempt, reply: replyView(attempt.reply) };
}

/** All of a delivery. `next` is null for what is not queued. */
export function deliveryView(delivery: Delivery, next: NextTry | null) {
  return { ...delivery, lastReply: replyView(delivery.lastReply), ...nextView(next) };
}

/** A line of a list. */
export function listedView(row: Listed, next: NextTry | null) {
  return {
    id: row.id,
    ordinal: row.ordinal,
    messageId: row.messageId,
    sender: row.sender,
    recipient: row.recipient,
    subject: row.subject,
    size: row.size,
    tags: row.tags,
    state: row.state,
    reason: row.reason,
    relay: row.relay,
    priority: row.priority,
    attempts: row.attempts,
    createdAt: row.createdAt,
    dueAt: row.dueAt,
    ...nextView(next),
    expiresAt: row.expiresAt,
    changedAt: row.changedAt,
    lastAttemptAt: row.lastAttemptAt,
    lastReply: replyView(row.lastReply),
    inDoubt: row.inDoubt,
    reportOn: row.reportOn,
  };
}
