/** Contents of which Nodemailer would make nothing that makes sense, or say nothing of use: a forgotten await above all. */
import { PosthasteError, shown } from '../errors.ts';

/** Where a text stands alone, or an object that says where it comes from. */
const BODIES = ['text', 'html', 'watchHtml', 'amp'] as const;
const SOURCES = ['content', 'path', 'href', 'raw'] as const;

/** The message with texts in place of what becomes one late, as translations do: what is submitted never changes. */
export function settled<M extends object>(mail: M): M {
  const texts = ['subject', 'text', 'html'].flatMap((name) => {
    const value = (mail as Readonly<Record<string, unknown>>)[name];
    return isLate(value) ? [[name, String(value)]] : [];
  });
  return { ...mail, ...Object.fromEntries(texts) };
}

function isLate(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Array.isArray(value)) return false;
  return typeof value.toString === 'function' && value.toString !== Object.prototype.toString;
}

/** Throws OPTION_INVALID with the name of the field. */
export function checkContents(data: object): void {
  const mail = data as Readonly<Record<string, unknown>>;
  checkText(mail.subject, 'subject');
  checkDate(mail.date);
  for (const name of BODIES) checkContent(mail[name], name);
  for (const [name, part] of partsIn(data)) checkContent(Object(part).content, `${name}.content`);
}

/** Attachments and alternatives, each with its place. */
function partsIn(mail: object): readonly (readonly [name: string, part: unknown])[] {
  const given = mail as Readonly<Record<string, unknown>>;
  return ['attachments', 'alternatives'].flatMap((name) =>
    [given[name] || []].flat().map((part, i) => [`${name}[${i}]`, part] as const),
  );
}

/** On any other Nodemailer stumbles before it comes to the transport. Throws OPTION_INVALID. */
export function checkParts(mail: object): void {
  for (const [name, part] of partsIn(mail))
    if (typeof part !== 'object' || part === null) throw strange(name, part, 'an object');
}

/** Of any other object Nodemailer would make no subject at all. */
function checkText(value: unknown, name: string): void {
  if (typeof value === 'object' && value !== null && !('value' in value)) throw strange(name, value, 'a text');
}

/** Nodemailer would write down whatever it is. */
function checkDate(value: unknown): void {
  if (!value) return;
  const isTime = value instanceof Date || typeof value === 'string';
  if (!isTime || Number.isNaN(Number(new Date(value)))) throw strange('date', value, 'a Date, or a text that is one');
}

function checkContent(value: unknown, name: string): void {
  if (value === undefined || value === null || value === false || typeof value === 'string') return;
  if (isSource(value)) return;
  throw strange(name, value, 'a text, a Buffer, a stream, or { path } or { href } of one');
}

function isSource(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return ArrayBuffer.isView(value) || 'pipe' in value || SOURCES.some((source) => source in value);
}

function strange(name: string, value: unknown, allowed: string): PosthasteError {
  const isPromise = typeof value === 'object' && value !== null && 'then' in value;
  const text = isPromise ? `${name} is a Promise: await it, and give` : `${name} is ${shown(value)}: give`;
  return new PosthasteError('OPTION_INVALID', `${text} ${allowed}.`);
}
