/** Senders and recipients that Nodemailer would pass over or take for something else, and nobody would hear of it. */
import parseAddresses from 'nodemailer/lib/addressparser';
import { PosthasteError, shown } from '../errors.ts';
import type { MailMessage } from './generated.ts';
import { strayAddress } from './stray-addresses.ts';

type Data = MailMessage['data'];
type Fields = Readonly<Record<string, unknown>>;

const FIELDS = ['from', 'sender', 'to', 'cc', 'bcc', 'replyTo'] as const;
const IN_HEADERS = /^(?:from|sender|to|cc|bcc|reply-to)$/i;
/** Characters of a field in an error. */
const MAX_SHOWN = 200;

/** Throws ADDRESS_INVALID where a field has control characters, an address that became none of its own, or, of a recipient, none. */
export function checkAddresses(data: Data): void {
  for (const [field, value] of fieldsOf(data)) for (const each of written(value)) checkText(field, each);
  const lost = lostRecipient(data);
  if (lost !== undefined) throw noAddress('recipient', lost);
}

/** Throws ADDRESS_INVALID where a sender was given and is none; the null sender has its place in an envelope. */
export function checkSender({ from, envelope }: Data): void {
  const lost = envelope ? undefined : lostIn([from]);
  if (lost !== undefined) throw noAddress('sender', lost);
}

/** Every place in which Nodemailer looks for addresses. */
function fieldsOf(data: Data): readonly (readonly [string, unknown])[] {
  const envelope = (data.envelope || {}) as Fields;
  return [
    ...FIELDS.map((field) => [field, data[field]] as const),
    ...FIELDS.map((field) => [`envelope.${field}`, envelope[field]] as const),
    ...headersOf(data.headers).filter(([name]) => IN_HEADERS.test(name)),
  ];
}

function headersOf(headers: unknown): readonly (readonly [string, unknown])[] {
  if (!Array.isArray(headers)) return Object.entries(headers ?? {});
  return headers.map((each) => [String(each?.key), each?.value] as const);
}

function checkText(field: string, given: unknown): void {
  const { name, address = given } = Object(given) as { readonly name?: unknown; readonly address?: unknown };
  const value = cut(shown(given));
  if ([name, address].some((text) => typeof text === 'string' && /(?!\t)\p{Cc}/u.test(text))) {
    const text = `${field} is ${value}, with a line break or another control character in it: take it out, and give several addresses as an array.`;
    throw new PosthasteError('ADDRESS_INVALID', text);
  }
  const stray = typeof address === 'string' ? strayAddress(address) : undefined;
  if (stray === undefined) return;
  const text = `${field} is ${value}, where ${cut(shown(stray))} is no address of its own: put commas between addresses, and names with an @ in double quotes.`;
  throw new PosthasteError('ADDRESS_INVALID', text);
}

/** The first recipient without an address, as it was written; those of an envelope stand in place of all others. */
function lostRecipient({ to, cc, bcc, envelope }: Data): string | undefined {
  const named = (envelope || { to, cc, bcc }) as Fields;
  return lostIn([named.to, named.cc, named.bcc]);
}

function lostIn(given: readonly unknown[]): string | undefined {
  return given
    .flatMap(written)
    .map(lostOf)
    .find((each) => each !== undefined);
}

/** What is left empty is left out. */
function written(value: unknown): readonly unknown[] {
  return [value].flat().filter((each) => each !== undefined && each !== null && each !== false && each !== '');
}

function lostOf(given: unknown): string | undefined {
  if (typeof given !== 'string') return hasAddress(given) ? undefined : shown(given);
  const lost = parseAddresses(given, { flatten: true }).find(({ address }) => address === '');
  return lost === undefined ? undefined : JSON.stringify(lost.name);
}

/** `{ name, address }`, as Nodemailer knows it. */
function hasAddress(given: unknown): boolean {
  const { address } = Object(given) as { readonly address?: unknown };
  return typeof address === 'string' && address !== '';
}

function noAddress(whose: 'sender' | 'recipient', given: string): PosthasteError {
  const text = `There is no address in the ${whose} ${cut(given)}: write it as name@example.org, or { name, address }.`;
  return new PosthasteError('ADDRESS_INVALID', text);
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
