/** Webhooks: what addresses of the settings are told of deliveries, and what the queue needs of a place to keep that until they were told. */
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Delivery, State } from './delivery.ts';

/** What is told of a delivery. The words are those of the library's events. */
export const WEBHOOK_EVENTS = [
  'submitted',
  'sent',
  'captured',
  'deferred',
  'inDoubt',
  'bounced',
  'suppressed',
] as const;
export type WebhookEventType = (typeof WEBHOOK_EVENTS)[number];

/** What the settings say of a webhook, as far as the queue must know it. */
export interface WebhookEntry {
  readonly name: string;
  readonly events: readonly WebhookEventType[];
}

/** How one stands; all processes share it. */
export interface WebhookState extends WebhookEntry {
  /** A process that knows its address was last there. */
  readonly knownAt: Instant;
  /** In a row, whatever they were for. */
  readonly failures: number;
  /** The first of them. */
  readonly failingSince: Instant | null;
  /** Nothing is sent before this. */
  readonly restUntil: Instant | null;
  /** It said that it is gone: nothing is kept for it until somebody enables it. */
  readonly disabledAt: Instant | null;
  readonly lastSentAt: Instant | null;
  readonly lastFailure: WebhookFailure | null;
}

export interface WebhookFailure {
  readonly at: Instant;
  /** What it answered; null: it did not. */
  readonly status: number | null;
  readonly error: string;
}

/** An event on its way to one webhook. `failed`: its time is over, and it waits for somebody to send it again. */
export interface WebhookEvent {
  /** The same for all attempts: the receiver knows by it what it had already. */
  readonly id: Id;
  readonly webhook: string;
  readonly message: Id;
  readonly type: string;
  /** The body, as it goes out. */
  readonly body: string;
  readonly state: 'waiting' | 'failed';
  readonly createdAt: Instant;
  readonly dueAt: Instant;
  readonly attempts: number;
  readonly lastFailure: WebhookFailure | null;
}

/** What came of one attempt that was no success. */
export interface WebhookTry extends WebhookFailure {
  readonly id: Id;
  /** When it may be tried again. */
  readonly dueAt: Instant;
}

/** What is to be written after attempts. */
export interface WebhookOutcome {
  readonly at: Instant;
  readonly delivered: readonly Id[];
  readonly failed: readonly WebhookTry[];
  /** How the webhook stands now; null: another process knows better. */
  readonly state: Pick<WebhookState, 'failures' | 'failingSince' | 'restUntil' | 'disabledAt'> | null;
}

export interface WebhookCounts {
  readonly webhook: string;
  readonly waiting: number;
  readonly failed: number;
  readonly oldestWaiting: Instant | null;
}

export interface WebhookStore {
  /** A process knows these: from now on what happens is kept for them, in the transaction in which it happens. */
  registerWebhooks(entries: readonly WebhookEntry[], now: Instant): Promise<void>;
  /** In the order of their names. */
  webhooks(): Promise<readonly WebhookState[]>;
  webhookCounts(): Promise<readonly WebhookCounts[]>;
  /** Takes or renews the right to send for these until `until`: answers with those that nobody else has. */
  leaseWebhooks(names: readonly string[], holder: Id, now: Instant, until: Instant): Promise<readonly WebhookState[]>;
  releaseWebhooks(holder: Id): Promise<void>;
  /** The first events of messages that are due: none has an older one of its message before it. */
  dueWebhookEvents(webhook: string, now: Instant, limit: number): Promise<readonly WebhookEvent[]>;
  /** Delivered ones are forgotten. */
  endWebhookEvents(webhook: string, outcome: WebhookOutcome): Promise<void>;
  /** waiting -> failed for what is from before that time; at most `limit`. Returns how many. */
  expireWebhookEvents(webhook: string, before: Instant, limit: number): Promise<number>;
  /** The oldest first. */
  webhookEvents(
    webhook: string,
    state: WebhookEvent['state'],
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly rows: readonly WebhookEvent[]; readonly cursor: string | null }>;
  /** failed -> waiting, and what waits is due at once, with all its time before it; `ids` null: all. Returns how many. */
  resendWebhookEvents(webhook: string, ids: readonly Id[] | null, now: Instant): Promise<number>;
  /** It may be sent to again, at once. False: there is none of this name. */
  enableWebhook(webhook: string): Promise<boolean>;
  /** Forgets failed events of before that time, and webhooks that no process has known since `unknownSince`, with all that waits for them. */
  purgeWebhooks(before: Instant, unknownSince: Instant, limit: number): Promise<number>;
}

/** What the body of an event says, beside its type and its time. */
export interface Told
  extends Pick<Delivery, 'id' | 'ordinal' | 'recipient' | 'relay' | 'state' | 'reason' | 'attempts'> {
  readonly dueAt: Instant;
  readonly lastReply: Delivery['lastReply'];
  readonly sender: string | null;
  readonly messageId: string;
  readonly subject: string | null;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly reportOn: Id | null;
}

/**
 * What an event's delivery has come to, after an attempt or in place of one; undefined: nothing that is told. `inDoubt`: by this
 * attempt, for the delivery stays so after those that follow.
 */
export function webhookTypeOf(
  { state, reason, dueAt, changedAt }: Pick<Delivery, 'state' | 'reason' | 'dueAt' | 'changedAt'>,
  inDoubt: boolean,
): WebhookEventType | undefined {
  if (state === 'queued') return inDoubt ? 'inDoubt' : dueAt > changedAt ? 'deferred' : undefined;
  if (state === 'held') return reason === 'doubt' ? 'inDoubt' : undefined;
  if (state === 'bounced' && reason === 'suppressed') return 'suppressed';
  return isToldEnd(state) ? state : undefined;
}

function isToldEnd(state: State): state is 'sent' | 'captured' | 'bounced' {
  return state === 'sent' || state === 'captured' || state === 'bounced';
}

/** Of the form that Standard Webhooks recommends. */
export function webhookBody(type: string, at: Instant, told: Told): string {
  const { lastReply: reply, ...rest } = told;
  const said = reply === null ? null : { code: reply.code, status: reply.status ?? null, text: reply.text };
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data: { ...rest, reply: said } });
}
