/** What an application may ask of the queue for a message, checked: programs without types make mistakes too. */
import { nearest } from '../config/nearest.ts';
import { checkOptions, PosthasteError, shown } from '../errors.ts';
import { PRIORITIES, type Priority } from '../queue/message.ts';
import { overrideFault, type RetryMode, type RetryOverride } from '../queue/schedule.ts';
import type { Instant } from '../runtime/clock.ts';
import type { SubmissionDetails } from '../submission/intake.ts';
import type { TransactionHandle } from './transactions.ts';

/** A time as a Date, or in milliseconds since 1970. */
export type Time = Date | number;

/** What a message may ask of the queue. */
export interface SubmitOptions {
  /** Strict order. `deferred` waits until somebody retries it. Default `medium`. */
  readonly priority?: Priority | undefined;
  /** Not before this time. Default: at once. */
  readonly sendAt?: Time | undefined;
  /** Given up when it has not been sent by then, as a one-time password is. Default: at the age that the settings name. */
  readonly expiresAt?: Time | undefined;
  /**
   * Idempotency: the same mail under the same key is kept once, and answers with the first message. Another content or other recipients
   * are an error, KEY_CONFLICT. At most 255 characters; free again when the first message is purged.
   */
  readonly key?: string | undefined;
  /** For routes, lists and searches; at most 64 KB as JSON. */
  readonly tags?: readonly string[] | undefined;
  /** Kept and shown, never sent; at most 64 KB as JSON. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** The name of the relay that takes it, whatever the routes say. Default: as the routes say. */
  readonly relay?: string | undefined;
  /** In place of its relay's retry policy; times in ms. `manual` alone is its mode. */
  readonly retry?: RetryOverride | RetryMode | undefined;
  /** Waits for `release`. Default false. */
  readonly held?: boolean | undefined;
  /**
   * False: its content goes soon after every delivery has ended, however it ended; what is known of it stays, but it cannot be retried
   * then. Default: the setting `keepContent`.
   */
  readonly keepContent?: boolean | undefined;
  /**
   * An open transaction of the application's own, in the database of the queue: the message is kept when the application commits it, is sent at
   * once then, and is gone when it is rolled back. What `submit` resolves with promises nothing before that commit. Default: a transaction of
   * the queue's own, and the message is durable when `submit` resolves.
   */
  readonly transaction?: TransactionHandle | undefined;
}

/** What is asked about the message itself. */
type MessageOptions = Omit<SubmitOptions, 'transaction'>;

/** Characters of a key: what every database can index. */
const MAX_KEY = 255;
/** Octets of tags or metadata: what is larger belongs into the application's own tables. */
const MAX_EXTRA = 65_536;

type Check<T> = (value: T, name: string) => T | Instant;

/** Each option with what reads it; the order is that in which faults are told. */
const CHECKS: { readonly [Name in keyof MessageOptions]-?: Check<NonNullable<MessageOptions[Name]>> } = {
  priority: (value, name) => when(PRIORITIES.includes(value), name, value, `one of ${PRIORITIES.join(', ')}`),
  sendAt: instantOf,
  expiresAt: instantOf,
  key: (value, name) => when(isText(value, MAX_KEY), name, value, `a text of 1 to ${MAX_KEY} characters`),
  tags: (value, name) =>
    small(when(Array.isArray(value) && value.every((tag) => isText(tag)), name, value, 'an array of texts'), name),
  metadata: (value, name) => small(when(isTexts(value), name, value, 'an object whose values are texts'), name),
  relay: (value, name) => when(isText(value), name, value, 'the name of a relay'),
  retry: (value) => {
    if (typeof value !== 'object' && typeof value !== 'string') throw invalid('retry', value, 'an object, or manual');
    const override = typeof value === 'string' ? { mode: value } : value;
    const fault = overrideFault(override);
    if (fault !== undefined) throw new PosthasteError('RETRY_INVALID', fault);
    return override;
  },
  held: (value, name) => when(typeof value === 'boolean', name, value, 'true or false'),
  keepContent: (value, name) => when(typeof value === 'boolean', name, value, 'true or false'),
};

/** Throws OPTION_INVALID, and RETRY_INVALID for what is wrong in `retry`. */
export function detailsOf(given: SubmitOptions): SubmissionDetails {
  checkOptions(given);
  const { transaction: _, ...options } = given;
  const unknown = Object.keys(options).find((name) => !(name in CHECKS));
  if (unknown !== undefined) throw unknownOption(unknown);
  const details: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(CHECKS) as [keyof MessageOptions, Check<unknown>][]) {
    const value = options[name];
    if (value !== undefined) details[name] = check(value, name);
  }
  checkOrder(details);
  return details;
}

/** What is useless before it may be sent would never be. */
function checkOrder({ sendAt, expiresAt }: Readonly<{ sendAt?: Instant; expiresAt?: Instant }>): void {
  if (sendAt === undefined || expiresAt === undefined || expiresAt > sendAt) return;
  const [end, start] = [new Date(expiresAt), new Date(sendAt)].map((date) => shown(date));
  throw new PosthasteError('OPTION_INVALID', `expiresAt is ${end}: give a time after sendAt, which is ${start}.`);
}

function unknownOption(name: string): PosthasteError {
  const names = [...Object.keys(CHECKS), 'transaction'];
  const meant = nearest(name, names);
  const hint = meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`;
  return new PosthasteError('OPTION_INVALID', `A message has no option ${name}: ${hint}`);
}

/** Names of options that Nodemailer has no field for. */
const MISPLACED = [...Object.keys(CHECKS).filter((name) => name !== 'priority'), 'transaction'];

/** What stands in the message is not asked of the queue, and mail would be sent too early, twice, or outside of a transaction. Throws OPTION_INVALID. */
export function checkPlaces(mail: object): void {
  const name = MISPLACED.find((each) => each in mail);
  if (name === undefined) return;
  const text = `${name} stands in the message, and is an option of the queue: give it as submit(mail, { ${name} }).`;
  throw new PosthasteError('OPTION_INVALID', text);
}

/** Without control characters, which no database and no log likes. */
function isText(value: unknown, most = Number.POSITIVE_INFINITY): boolean {
  // Half a surrogate pair is no character, and no database keeps it.
  return typeof value === 'string' && value !== '' && value.length <= most && !/[\p{Cc}\p{Cs}]/u.test(value);
}

/** A Map, or another object with its values elsewhere, would be kept as nothing. */
function isTexts(value: unknown): boolean {
  if (Object.prototype.toString.call(value) !== '[object Object]') return false;
  return Object.values(value as object).every((each) => typeof each === 'string');
}

/** Before this number of milliseconds, in 1973, no mail was planned: it is one of seconds, as tokens have it. */
const FIRST_PLAUSIBLE = 100_000_000_000;

/** Throws OPTION_INVALID. */
export function instantOf(time: Time, name: string): Instant {
  const allowed = 'a Date, or milliseconds since 1970';
  const instant = typeof time === 'number' || time instanceof Date ? Math.round(Number(time)) : Number.NaN;
  if (!Number.isSafeInteger(instant) || instant < 0) throw invalid(name, time, allowed);
  if (typeof time === 'number' && time > 0 && time < FIRST_PLAUSIBLE) {
    throw invalid(name, time, `${allowed}, and no seconds`);
  }
  return instant;
}

function when<T>(fits: boolean, name: string, value: T, allowed: string): T {
  if (fits) return value;
  throw invalid(name, value, allowed);
}

function small<T>(value: T, name: string): T {
  const octets = Buffer.byteLength(JSON.stringify(value));
  if (octets <= MAX_EXTRA) return value;
  const text = `${name} is ${octets} octets as JSON: give at most ${MAX_EXTRA}, and keep the rest with the application.`;
  throw new PosthasteError('OPTION_INVALID', text);
}

function invalid(name: string, value: unknown, allowed: string): PosthasteError {
  return new PosthasteError('OPTION_INVALID', `${name} is ${shown(value)}: give ${allowed}.`);
}
