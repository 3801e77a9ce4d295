/** What the routes answer with: checked by tests, described in the OpenAPI document, and the types of the pages. */
import * as z from 'zod';
import { ACTOR_ROLES, AUDIT_RESULTS } from '../queue/audit.ts';
import { STATES } from '../queue/delivery.ts';
import { STANDINGS } from '../queue/standing.ts';
import { WEBHOOK_EVENTS } from '../queue/webhook.ts';
import * as schema from './schema.ts';

export const LEVELS = ['fine', 'warning', 'critical'] as const;

const count = z.int().min(0);

export const status = z.strictObject({
  level: z.enum(LEVELS),
  problems: z.array(z.strictObject({ level: z.enum(['warning', 'critical']), text: z.string() })),
  now: z.int(),
  states: z.record(z.enum(STATES as readonly [(typeof STATES)[number], ...(typeof STATES)[number][]]), count),
  deferred: count.describe('Of the queued ones: tried at least once.'),
  inDoubt: count,
  lostReports: count.describe('Reports that were given up in the last 24 hours.'),
  oldestDue: schema.maybeInstant.describe('The smallest due time of what is due.'),
  overtaken: z
    .strictObject({ relay: z.string(), priority: schema.priority, since: z.int() })
    .nullable()
    .describe('The longest waiting deliveries of a lower priority that others go before.'),
  lastSent: schema.maybeInstant.describe('When a relay last took mail that is still kept.'),
});

export const flow = z.strictObject({
  widthMs: z.int(),
  spans: z.array(
    z.strictObject({
      at: z.int().describe('Its begin.'),
      accepted: count.describe('Messages; the others are deliveries.'),
      oldest: z.int().describe('How long the oldest of what waited at its end had waited then, ms; 0: nothing did.'),
      sent: count,
      captured: count,
      bounced: count,
      cancelled: count,
    }),
  ),
});

export const nodes = z.strictObject({
  nodes: z.array(
    z.strictObject({
      id: schema.id,
      host: z.string(),
      pid: z.int(),
      role: z.string(),
      startedAt: z.int(),
      seenAt: z.int(),
      alive: z.boolean(),
      holds: z
        .array(z.strictObject({ relay: z.string(), sending: count, connections: count }))
        .describe('Deliveries that it is sending and connections that are its own, of each relay of which it has any.'),
    }),
  ),
});

const relay = z.strictObject({
  name: z.string(),
  standing: z.enum(STANDINGS),
  known: z.boolean().describe('The settings of this process tell of it.'),
  url: z.string().nullable().describe('Without passwords.'),
  connections: z.int().nullable().describe('At one time, over all processes.'),
  rates: z.array(z.strictObject({ limit: z.int(), windowMs: z.int() })),
  fallback: z.array(z.string()),
  pausedAt: schema.maybeInstant,
  pausedBy: z.string().nullable(),
  faults: z.int().describe('In a row.'),
  faultSince: schema.maybeInstant,
  probeAt: schema.maybeInstant.describe('No attempt before this.'),
  lastFault: schema.maybeReply,
  lastSentAt: schema.maybeInstant.describe('When it last took mail, to a minute or so.'),
  deferring: z
    .strictObject({ since: z.int(), reply: schema.maybeReply })
    .nullable()
    .describe('It takes connections, and has deferred all mail since then.'),
  limitedUntil: schema.maybeInstant,
  pace: z
    .strictObject({ connections: z.int(), restUntil: schema.maybeInstant, slowedAt: z.int(), reply: schema.maybeReply })
    .nullable()
    .describe('It said that it was too much.'),
});

export const relays = z.strictObject({ relays: z.array(relay) });

export const session = z.strictObject({
  name: z.string().nullable().describe('null: not logged in.'),
  role: z.enum(['viewer', 'operator']).nullable(),
  login: z.enum(['none', 'password', 'application']).describe('How people are known here.'),
  version: z.string(),
});

const timelineEntry = z.strictObject({
  at: z.int(),
  kind: z.string(),
  ordinal: z.int().nullable(),
  recipient: z.string().nullable(),
  relay: z.string().nullable(),
  durationMs: z.int().nullable(),
  reply: schema.maybeReply,
});

export const found = z.strictObject({
  message: schema.message,
  deliveries: z.array(schema.delivery),
  attempts: z.array(schema.attempt),
  timeline: z.array(timelineEntry),
  contentKept: z.boolean(),
});

export const content = z.strictObject({
  headers: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  text: z.string().nullable(),
  html: z.string().nullable(),
  attachments: z.array(
    z.strictObject({
      part: z.int().describe('For /messages/{id}/attachments/{part}.'),
      filename: z.string().nullable(),
      type: z.string(),
      size: z.int(),
      inline: z.boolean(),
    }),
  ),
  partial: z.boolean().describe('It is too large, or too strange, to be taken apart: the header is all.'),
});

export const settings = z.strictObject({
  settings: z.array(
    z.strictObject({
      name: z.string(),
      group: z.string(),
      sentence: z.string().describe('With code in backticks.'),
      secret: z.boolean().describe('value and shown are masked.'),
      from: z.string().describe('A flag, a variable, a place in a configuration file, or default.'),
      value: z.unknown().describe('Durations in milliseconds, sizes in octets; null for none, off, never and forever.'),
      parts: z
        .array(z.strictObject({ name: z.string(), shown: z.string() }))
        .describe('As a person would write it; settings with parts have one for each, as relays.ses.rate, or none.'),
    }),
  ),
});

const suppression = z.strictObject({
  target: z.string().describe('An address, or @domain.'),
  reason: z.string(),
  since: z.int(),
  until: schema.maybeInstant.describe('null: for good.'),
  note: z.string().nullable(),
});

export const suppressions = schema.page(suppression);
export const suppressing = z.strictObject({ entry: suppression.nullable() });

export const suppressionImport = z.strictObject({
  count: z.int().describe('Entries that are in the list now, or would be.'),
  refused: z.int().describe('Lines that are no entries and were left out.'),
  faults: z
    .array(z.strictObject({ line: z.int().min(1), fault: z.string() }))
    .describe('Of the first 100 of these lines.'),
  dryRun: z.boolean(),
});

const auditRecord = z.strictObject({
  id: schema.id,
  at: z.int(),
  by: z.string().describe('A login, or user@host of a command or an application; empty: several who are not known.'),
  role: z.enum(ACTOR_ROLES).describe('command and library: by user@host; unknown: a login that was refused.'),
  from: z.string().nullable().describe('The address of the client.'),
  action: z
    .string()
    .describe(
      'retry, hold, release, cancel, reroute, pause, resume, suppress, unsuppress, suppress import, purge, login.',
    ),
  what: z.record(z.string(), z.unknown()).describe('The filter, the first 20 ids or targets, the relay ...'),
  reason: z.string().nullable(),
  count: z.int().nullable().describe('Deliveries, entries, messages, relays or logins.'),
  result: z.enum(AUDIT_RESULTS).describe('begun: it goes on, or its process ended before it did.'),
  error: z.string().nullable(),
});

export const audit = schema.page(auditRecord);

const failure = z
  .strictObject({ at: z.int(), status: z.int().nullable().describe('null: no answer.'), error: z.string() })
  .nullable();

export const WEBHOOK_STANDINGS = ['well', 'failing', 'disabled', 'idle'] as const;

const webhook = z.strictObject({
  name: z.string(),
  standing: z.enum(WEBHOOK_STANDINGS).describe('disabled: it answered 410; idle: no process has made it known yet.'),
  known: z.boolean().describe('The settings of this process tell of it.'),
  url: z.string().nullable().describe('Without its path, which may be secret.'),
  events: z.array(z.enum(WEBHOOK_EVENTS)),
  waiting: z.int(),
  failed: z.int().describe('Not told in time: they wait for a resend.'),
  oldestWaiting: schema.maybeInstant,
  failures: z.int().describe('In a row.'),
  failingSince: schema.maybeInstant,
  restUntil: schema.maybeInstant.describe('Nothing is posted before this.'),
  nextTryAt: schema.maybeInstant.describe('When a failing one gets its next event; null: none waits.'),
  disabledAt: schema.maybeInstant,
  lastSentAt: schema.maybeInstant,
  lastFailure: failure,
});

const webhookEvent = z.strictObject({
  id: schema.id.describe('The webhook-id.'),
  message: schema.id,
  type: z.string(),
  state: z.enum(['waiting', 'failed']),
  createdAt: z.int().describe('Since when it waits.'),
  dueAt: z.int(),
  attempts: z.int(),
  lastFailure: failure,
  body: z.string().describe('As it is posted.'),
});

export const webhooks = z.strictObject({ webhooks: z.array(webhook) });
export const webhookDeliveries = schema.page(webhookEvent);

export const webhookTest = z.strictObject({
  ok: z.boolean(),
  status: z.int().nullable(),
  error: z.string().nullable(),
  durationMs: z.int(),
});

export type StatusAnswer = z.infer<typeof status>;
export type FlowAnswer = z.infer<typeof flow>;
export type NodesAnswer = z.infer<typeof nodes>;
export type RelaysAnswer = z.infer<typeof relays>;
export type SessionAnswer = z.infer<typeof session>;
export type FoundAnswer = z.infer<typeof found>;
export type SettingsAnswer = z.infer<typeof settings>;
export type SuppressingAnswer = z.infer<typeof suppressing>;
export type SuppressionsAnswer = z.infer<typeof suppressions>;
export type SuppressionImportAnswer = z.infer<typeof suppressionImport>;
export type AuditAnswer = z.infer<typeof audit>;
export type WebhooksAnswer = z.infer<typeof webhooks>;
export type WebhookDeliveriesAnswer = z.infer<typeof webhookDeliveries>;
export type WebhookTestAnswer = z.infer<typeof webhookTest>;
export type ContentAnswer = z.infer<typeof content>;
export type ListedRow = z.infer<typeof schema.listed>;
export type State = ListedRow['state'];
