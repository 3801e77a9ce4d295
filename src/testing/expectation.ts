/** What a test expects of a message, and in what a message differs from it. */
import { AssertionError } from 'node:assert';
import { domainToUnicode } from 'node:url';
import { inspect } from 'node:util';
import { shown } from '../errors.ts';
import { addressKey } from '../mail/address.ts';
import type { SentMail } from './sent-mail.ts';

/** A text as it is (addresses without regard to case, international domains in either spelling), or a pattern. */
export type Expected = string | RegExp;

/** All that is given must hold. */
export interface ExpectedMail {
  /** One of all who get it: to, cc or bcc. */
  readonly to?: Expected;
  /** The sender's address or `Name <address>`. */
  readonly from?: Expected;
  readonly subject?: Expected;
  /** A part of the text body, or a pattern. */
  readonly text?: Expected;
  /** A part of the HTML body, or a pattern. */
  readonly html?: Expected;
  /** The file name of an attachment. */
  readonly attachment?: Expected;
  readonly tag?: string;
  /** Header fields by name. */
  readonly headers?: Readonly<Record<string, Expected>>;
}

interface Difference {
  readonly field: string;
  readonly found: string;
}

type Look = (mail: SentMail, expected: never) => string | undefined;

/** For each field: undefined where it fits, else what was found. */
const FIELDS: { readonly [Name in keyof ExpectedMail]-?: Look } = {
  to: (mail, expected: Expected) => among(mail.recipients, expected, isAddressLike, spellings),
  from: (mail, expected: Expected) =>
    among([mail.from, addressIn(mail.from)], expected, isAddressLike, spellings) && mail.from,
  subject: (mail, expected: Expected) => among([mail.subject], expected, (a, b) => a === b),
  text: (mail, expected: Expected) => among([mail.text], expected, (a, b) => a.includes(b)),
  html: (mail, expected: Expected) => among([mail.html], expected, (a, b) => a.includes(b)),
  attachment: (mail, expected: Expected) =>
    among(
      mail.attachments.map(({ filename }) => filename ?? ''),
      expected,
      (a, b) => a === b,
    ),
  tag: (mail, expected: string) => among(mail.tags, expected, (a, b) => a === b),
  headers: (mail, expected: NonNullable<ExpectedMail['headers']>) => {
    const fits = ([name, value]: [string, Expected]): boolean =>
      among([mail.headers[name.toLowerCase()] ?? ''], value, (a, b) => a === b) === undefined;
    return Object.entries(expected).every(fits) ? undefined : inspect({ ...mail.headers });
  },
};

function among(
  values: readonly string[],
  expected: Expected,
  equal: (a: string, b: string) => boolean,
  ways: (value: string) => readonly string[] = (value) => [value],
): string | undefined {
  // Not `test`, which goes on behind its last find where the pattern has the flag g.
  const fits = (value: string): boolean =>
    typeof expected === 'string' ? equal(value, expected) : ways(value).some((way) => way.search(expected) >= 0);
  if (values.some(fits)) return undefined;
  return values.length === 0 ? 'none' : values.map((value) => inspect(value)).join(', ');
}

function isAddressLike(a: string, b: string): boolean {
  return comparable(a) === comparable(b);
}

/** Of an address, or of one with a name. */
function comparable(mailbox: string): string {
  const address = addressIn(mailbox);
  const at = mailbox.lastIndexOf(address);
  return `${mailbox.slice(0, at).toLowerCase()}${addressKey(address)}${mailbox.slice(at + address.length)}`;
}

/** Nodemailer writes international domains in ASCII: patterns may mean them in their own letters. */
function spellings(mailbox: string): readonly string[] {
  const unicode = mailbox.replace(/(?<=@)[\w.-]+/, (domain) => domainToUnicode(domain) || domain);
  return [mailbox, unicode];
}

function addressIn(mailbox: string): string {
  return /<([^<>]*)>$/.exec(mailbox)?.[1] ?? mailbox;
}

/** Throws a TypeError for what no message can be compared with. */
export function checkExpectation(expected: ExpectedMail): void {
  if (!isRecord(expected)) throw new TypeError(`${shown(expected)} is expected: give an object, as { subject: 'x' }.`);
  for (const [field, value] of Object.entries(expected)) {
    if (!(field in FIELDS)) throw new TypeError(`A mail has no ${field}: expect ${Object.keys(FIELDS).join(', ')}.`);
    if (field !== 'headers') checkExpected(field, value);
    else if (!isRecord(value)) throw new TypeError(`headers is ${shown(value)}: expect an object.`);
    else for (const [name, wanted] of Object.entries(value)) checkExpected(`headers.${name}`, wanted);
  }
}

function checkExpected(field: string, value: unknown): void {
  if (typeof value === 'string' || value instanceof RegExp) return;
  // A misspelt property of the test's own must not make any mail fit.
  throw new TypeError(`${field} is ${shown(value)}: expect a text or a RegExp, or leave it out.`);
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof RegExp);
}

/** In what the message differs; nothing where it fits. */
export function differences(mail: SentMail, expected: ExpectedMail): Difference[] {
  return Object.entries(expected).flatMap(([field, value]) => {
    const look = FIELDS[field as keyof ExpectedMail];
    const found = look === undefined ? undefined : look(mail, value as never);
    return found === undefined ? [] : [{ field, found }];
  });
}

/** What was expected, what there is, and for each message why it is not the one. */
export function missing(mails: readonly SentMail[], expected: ExpectedMail, when: string): AssertionError {
  const lines = mails.flatMap((mail, i) => [
    `  ${i + 1}. to ${mail.recipients.join(', ')}: ${inspect(mail.subject)}`,
    ...differences(mail, expected).map(({ field, found }) => `     ${field} is ${clipped(found)}`),
  ]);
  const wanted = inspect(expected, { breakLength: Number.POSITIVE_INFINITY });
  const sum = mails.length === 0 ? 'No message was sent at all.' : `Sent was:\n${lines.join('\n')}`;
  return failure(`No message ${wanted} was sent${when}. ${sum}`, mails, expected);
}

export function unwanted(mails: readonly SentMail[], expected: ExpectedMail): AssertionError {
  const lines = mails.map((mail, i) => `  ${i + 1}. to ${mail.recipients.join(', ')}: ${inspect(mail.subject)}`);
  const wanted = inspect(expected, { breakLength: Number.POSITIVE_INFINITY });
  return failure(`A message ${wanted} was sent, and should not have been:\n${lines.join('\n')}`, mails, expected);
}

function failure(message: string, mails: readonly SentMail[], expected: ExpectedMail): AssertionError {
  const actual = mails.map(({ recipients, from, subject, text }) => ({ recipients, from, subject, text }));
  return new AssertionError({ message, actual, expected, operator: 'expectSent' });
}

function clipped(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
