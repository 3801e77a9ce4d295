/** The words of the API: what goes in and out, for checking and for describing. */
import * as z from 'zod';
import { isCursor } from '../queue/cursor.ts';
import { STATES } from '../queue/delivery.ts';
import { PRIORITIES } from '../queue/message.ts';
import type { Filter } from '../queue/store.ts';
import { isId } from '../runtime/id.ts';

/** Ids in one request. */
const MAX_IDS = 10_000;
/** A line of a header (RFC 5322 2.1.1). */
const MAX_TEXT = 998;

export const id = z
  .string()
  .refine(isId, 'no queue id')
  .describe('A queue id, as 0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11.');

/** From a query too, where everything is text. */
const fromText = <T extends z.ZodType>(read: (text: string) => unknown, schema: T) =>
  z.preprocess((value) => (typeof value === 'string' ? read(value) : value), schema);

/** In a query with commas, in several parameters, or both. */
export const list = <T extends z.ZodType>(each: T) =>
  z.preprocess((value) => {
    if (!Array.isArray(value)) return typeof value === 'string' ? value.split(',') : value;
    return value.flatMap((part) => (typeof part === 'string' ? part.split(',') : [part]));
  }, z.array(each).min(1));

export const time = fromText(
  (text) => (/^\d{1,15}$/.test(text) ? Number(text) : text),
  z.int('allowed are milliseconds since 1970 (UTC)').min(0).max(8.64e15),
).describe('Milliseconds since 1970 (UTC).');

export const flag = fromText((text) => ({ true: true, false: false })[text] ?? text, z.boolean());

export const whole = (least: number, most: number) =>
  fromText(
    (text) => (/^-?\d{1,9}$/.test(text) ? Number(text) : text),
    z.int(`allowed is a whole number from ${least} to ${most}`).min(least).max(most),
  );

export const text = (most = MAX_TEXT) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((value) => !/\p{Cc}/u.test(value), 'has control characters');

const state = z.enum(STATES as readonly [(typeof STATES)[number], ...(typeof STATES)[number][]]);
const reason = z.enum(['refused', 'expired', 'suppressed', 'operator', 'doubt', 'error', 'not-allowed', 'hold-all']);
export const priority = z.enum(PRIORITIES as readonly [(typeof PRIORITIES)[number], ...(typeof PRIORITIES)[number][]]);

/** Which deliveries; all that is given must fit. */
const FILTER = {
  state: list(state).optional(),
  reason: reason.optional(),
  relay: text().optional(),
  recipient: text().optional().describe('A whole address, or @domain.'),
  sender: text().optional().describe('A whole address, @domain, or <> for reports.'),
  messageId: text().optional().describe('With or without its angle brackets.'),
  subject: text().optional().describe('A part of it; case does not count.'),
  tag: text().optional(),
  text: text()
    .optional()
    .describe(
      'Words, all of which must occur: in the subject, an address, the Message-ID, the tags, the metadata or the last reply.',
    ),
  key: text(255).optional().describe('The Idempotency-Key of its submission.'),
  createdBefore: time.optional(),
  createdAfter: time.optional(),
  changedBefore: time.optional().describe('The state was last written before this.'),
  changedAfter: time.optional(),
  deferred: flag.optional().describe('Waiting after an attempt that did not succeed.'),
  inDoubt: flag.optional().describe('May have been taken: an attempt ended before the answer.'),
  reports: z.preprocess((value) => (value === 'true' ? true : value), z.literal(true)).optional(),
};

export const filter = z.strictObject(FILTER);
export const filterWithPage = z.strictObject({
  ...FILTER,
  limit: whole(1, 500).optional().describe('Default: 100.'),
  cursor: text(100).refine(isCursor, 'no cursor of a page').optional().describe('Of the page before.'),
  order: z.enum(['newest', 'oldest']).optional().describe('Default: newest.'),
});

export const ids = z.array(id).min(1).max(MAX_IDS);

export type FilterInput = z.infer<typeof filter>;

/** The filter as the queue has it. */
export function filterOf({ state: states, messageId, ...rest }: FilterInput): Filter {
  const bracketed = messageId === undefined || messageId.startsWith('<') ? messageId : `<${messageId}>`;
  const all = { ...rest, states, messageId: bracketed };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Filter;
}

const instant = z.int();
export const maybeInstant = instant.nullable();
const reply = z.strictObject({ code: z.int(), status: z.string().nullable(), text: z.string() });
export const maybeReply = reply.nullable();

const waiting = {
  nextAt: maybeInstant.describe('When it is tried next; null: not before somebody does something, or never.'),
  waitsFor: z
    .string()
    .nullable()
    .describe(
      'What stands in the way: paused, unknown, faulty, workerless, relayless, limited, resting, demand, time, turn.',
    ),
};

const DELIVERY = {
  id,
  ordinal: z.int().min(1),
  recipient: z.string(),
  relay: z.string(),
  state,
  reason: reason.nullable(),
  priority,
  attempts: z.int().min(0),
  createdAt: instant,
  dueAt: instant,
  ...waiting,
  expiresAt: instant,
  changedAt: instant,
  lastAttemptAt: maybeInstant,
  lastReply: maybeReply,
  inDoubt: z.boolean(),
};

export const listed = z.strictObject({
  ...DELIVERY,
  messageId: z.string(),
  sender: z.string().nullable(),
  subject: z.string().nullable(),
  size: z.int(),
  tags: z.array(z.string()),
  reportOn: id.nullable(),
});

export const delivery = z.looseObject({
  ...DELIVERY,
  why: z.string().describe('Why it is not sent yet, in a sentence.'),
});

export const message = z.looseObject({
  id,
  createdAt: instant,
  sender: z.string().nullable(),
  messageId: z.string(),
  subject: z.string().nullable(),
  size: z.int(),
  priority,
  origin: z.string().describe('The way by which it came.'),
  reportOn: id.nullable(),
  key: z.string().nullable(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.string()),
});

export const attempt = z.looseObject({
  ordinal: z.int(),
  startedAt: instant,
  durationMs: z.int(),
  relay: z.string(),
  outcome: z.enum(['sent', 'captured', 'deferred', 'refused', 'in doubt', 'crashed']),
  reply: maybeReply,
});

export function page<T extends z.ZodType>(rows: T) {
  return z.strictObject({
    rows: z.array(rows),
    cursor: z.string().nullable().describe('For the next page; null: there is none.'),
  });
}
