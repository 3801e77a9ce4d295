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
  for (const name of BODIES) checkContent(mail[name], name);
  for (const name of ['attachments', 'alternatives'] as const) {
    [mail[name]].flat().forEach((part, i) => {
      checkContent(Object(part).content, `${name}[${i}].content`);
    });
  }
}

/** Of any other object Nodemailer would make no subject at all. */
function checkText(value: unknown, name: string): void {
  if (typeof value === 'object' && value !== null && !('value' in value)) throw strange(name, value, 'a text');
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
