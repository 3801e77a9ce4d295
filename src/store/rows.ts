/** Rows of the database as the plain values of the queue, and back. */
import { type Address, addressKey } from '../mail/address.ts';
import type { Notify } from '../mail/envelope.ts';
import type { Reply } from '../mail/reply.ts';
import type { Attempt, Delivery, State } from '../queue/delivery.ts';
import { type Message, type Origin, PRIORITIES, type Priority } from '../queue/message.ts';
import type { Pace } from '../queue/pace.ts';
import type { Reason } from '../queue/reason.ts';
import type { Deferred, Node, RelayState } from '../queue/relay-store.ts';
import type { RetryOverride } from '../queue/schedule.ts';
import type { Listed, Suppression } from '../queue/store.ts';
import type { Suspect } from '../queue/suspicion.ts';
import { type Id, idFromBytes } from '../runtime/id.ts';
import type { TraceContext } from '../runtime/tracing.ts';
import type { Row, Value } from './database.ts';

/** Longest valid address: 64 octets, the @, 255 octets; what is longer is cut, so that every engine can index it. */
const MAX_KEY = 320;

/** `domain@local` in lower case: whole addresses are found by equality, all of a domain by their common beginning. */
export function searchKey(address: Address): string {
  const key = addressKey(address);
  const at = key.lastIndexOf('@');
  return `${key.slice(at + 1)}@${key.slice(0, Math.max(0, at))}`.slice(0, MAX_KEY);
}

/** Stands for the null sender where senders are searched. */
export const NULL_SENDER = '<>';

/** Most begin with the time they were made, so that new ones stand together in an index; what is too long for one is cut. */
export function messageIdKey(messageId: string): string {
  return messageId.slice(0, MAX_KEY);
}

export function priorityNumber(priority: Priority): number {
  return PRIORITIES.indexOf(priority);
}

/** Priorities that are claimed by themselves, in this order; `deferred` waits for a person. */
export const CLAIMED: readonly number[] = (['high', 'medium', 'low'] as const).map(priorityNumber);

export const bit = (value: boolean): number => (value ? 1 : 0);

export const replyValues = (reply: Reply | null): Value[] =>
  reply === null ? [null, null, null] : [reply.code, reply.status ?? null, reply.text];

function replyOf(row: Row, columns: 'reply' | 'slow' = 'reply'): Reply | null {
  const [code, status, text] = [row[`${columns}_code`], row[`${columns}_status`], row[`${columns}_text`]];
  if (code === null) return null;
  const reply = { code: code as number, text: text as string };
  const said = status === null ? reply : { ...reply, status: status as string };
  // Only deliveries keep who said it: reports tell.
  return columns === 'reply' && row.reply_ours === 1 ? { ...said, ours: true } : said;
}

export const idOf = (value: Value | undefined): Id => idFromBytes(value as Uint8Array);

export const MESSAGE_COLUMNS =
  'id, created_at, sender, message_id, subject, size, eight_bit, smtputf8, ret, envelope_id, priority, origin, report_on, submit_key, tags, metadata, retry, trace, drop_content';

export function messageOf(row: Row, id: Id = idOf(row.id)): Message {
  return {
    id,
    createdAt: row.created_at as number,
    sender: row.sender as string | null,
    messageId: row.message_id as string,
    subject: row.subject as string | null,
    size: row.size as number,
    eightBit: row.eight_bit === 1,
    smtputf8: row.smtputf8 === 1,
    ret: row.ret as 'full' | 'hdrs' | null,
    envelopeId: row.envelope_id as string | null,
    priority: PRIORITIES[row.priority as number] as Priority,
    origin: row.origin as Origin,
    reportOn: row.report_on === null ? null : idOf(row.report_on),
    key: row.submit_key as string | null,
    tags: JSON.parse(row.tags as string) as string[],
    metadata: JSON.parse(row.metadata as string) as Record<string, string>,
    retry: row.retry === null ? null : (JSON.parse(row.retry as string) as RetryOverride),
    keepContent: row.drop_content === 0,
    trace: row.trace === null ? null : (JSON.parse(row.trace as string) as TraceContext),
  };
}

/** All that a `Delivery` shows of its row, for a table called `d`. */
export const DELIVERY_COLUMNS = [
  'id, ordinal, recipient, notify, original_recipient, relay, state, reason, priority, due_at, expires_at, changed_at',
  'attempts, last_attempt_at, reply_code, reply_status, reply_text, reply_ours, in_doubt, delay_report_at, delay_reported',
]
  .join(', ')
  .replaceAll(/(\w+)/g, 'd.$1');

/** `id` saves the making of the text where it is known already. */
export function deliveryOf(row: Row, createdAt: number, id: Id = idOf(row.id)): Delivery {
  return {
    id,
    ordinal: row.ordinal as number,
    recipient: row.recipient as string,
    notify: row.notify === null ? null : ((row.notify as string).split(',') as Notify[]),
    originalRecipient: row.original_recipient as string | null,
    relay: row.relay as string,
    state: row.state as State,
    reason: row.reason as Reason | null,
    priority: PRIORITIES[row.priority as number] as Priority,
    createdAt,
    dueAt: row.due_at as number,
    expiresAt: row.expires_at as number,
    attempts: row.attempts as number,
    lastReply: replyOf(row),
    lastAttemptAt: row.last_attempt_at as number | null,
    inDoubt: row.in_doubt === 1,
    delayReportAt: row.delay_report_at as number | null,
    delayReported: row.delay_reported === 1,
    changedAt: row.changed_at as number,
  };
}

export const DEFERRED_COLUMNS =
  'd.id, d.attempts, d.last_attempt_at, d.reply_code, d.reply_status, d.reply_text, d.reply_ours';

export function waitingOf(row: Row): Deferred {
  return {
    id: idOf(row.id),
    attempts: row.attempts as number,
    createdAt: row.created_at as number,
    lastAttemptAt: row.last_attempt_at as number | null,
    lastReply: replyOf(row),
  };
}

export const LISTED_COLUMNS = `${DELIVERY_COLUMNS}, m.created_at, m.sender, m.message_id, m.subject, m.size, m.report_on, m.tags`;

export function listedOf(row: Row): Listed {
  return {
    ...deliveryOf(row, row.created_at as number),
    sender: row.sender as string | null,
    messageId: row.message_id as string,
    subject: row.subject as string | null,
    size: row.size as number,
    reportOn: row.report_on === null ? null : idOf(row.report_on),
    tags: JSON.parse(row.tags as string) as string[],
  };
}

export function attemptOf(row: Row): Attempt {
  return {
    ordinal: row.ordinal as number,
    startedAt: row.started_at as number,
    durationMs: row.duration_ms as number,
    relay: row.relay as string,
    outcome: row.outcome as Attempt['outcome'],
    reply: replyOf(row),
  };
}

export function relayOf(row: Row): RelayState {
  const probeAt = row.probe_at as number | null;
  const probingUntil = row.probing_until as number | null;
  return {
    relay: row.relay as string,
    pausedAt: row.paused_at as number | null,
    pausedBy: row.paused_by as string | null,
    faults: row.faults as number,
    faultSince: row.fault_since as number | null,
    faultForAll: row.fault_for_all === 1,
    suspects: row.suspects === null ? [] : (JSON.parse(row.suspects as string) as Suspect[]),
    mendedAt: row.mended_at as number | null,
    // While a probe is under way nothing else is tried, so its lease counts like a pause.
    probeAt: probeAt === null ? null : Math.max(probeAt, probingUntil ?? 0),
    lastFault: replyOf(row),
    limitedUntil: row.limited_until as number | null,
    pace: paceOf(row),
    knownSince: row.known_since as number | null,
    sentAt: row.sent_at as number | null,
    shareChanges: row.share_changes as number,
  };
}

export function paceOf(row: Row): Pace | null {
  if (row.pace === null) return null;
  return {
    connections: row.pace as number,
    rests: row.rests as number,
    restUntil: row.rest_until as number | null,
    slowedAt: row.slowed_at as number,
    changedAt: row.pace_at as number,
    reply: replyOf(row, 'slow') as Reply,
  };
}

export function suppressionOf(row: Row): Suppression {
  return {
    target: row.target as string,
    reason: row.reason as string,
    since: row.since as number,
    until: row.until_at as number | null,
    note: row.note as string | null,
  };
}

export function nodeOf(row: Row): Node {
  return {
    id: idOf(row.id),
    host: row.host as string,
    place: row.place as string,
    pid: row.pid as number,
    role: row.role as string,
    startedAt: row.started_at as number,
    seenAt: row.seen_at as number,
  };
}
