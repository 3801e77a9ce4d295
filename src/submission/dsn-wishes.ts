/** What a message wishes of reports, by the names that Nodemailer takes: as its own SMTP transport would say it, or refused as there. */
import { PosthasteError, shown } from '../errors.ts';
import { type Envelope, isEnvelopeId, isNotify, isOriginalRecipient, type Recipient, xtext } from '../mail/envelope.ts';
import type { MailMessage } from './generated.ts';

/** As parts of an envelope. */
export interface Wishes {
  readonly ofMessage: Pick<Envelope, 'ret' | 'envelopeId'>;
  readonly ofRecipients: Omit<Recipient, 'address'>;
}

type Fields = Readonly<Record<string, unknown>>;

const RETURNS: ReadonlyMap<string, 'full' | 'hdrs'> = new Map([
  ['full', 'full'],
  ['body', 'full'],
  ['hdrs', 'hdrs'],
  ['headers', 'hdrs'],
]);

/** Those of the message stand in place of those of its envelope. Throws OPTION_INVALID. */
export function wishesIn(data: MailMessage['data']): Wishes {
  const { dsn: ofEnvelope } = Object(data.envelope) as { readonly dsn?: unknown };
  const [place, given] = data.dsn ? ['dsn', data.dsn] : ['envelope.dsn', ofEnvelope || {}];
  if (typeof given !== 'object' || Array.isArray(given)) throw invalid(place, given, 'an object');
  const fields = given as Fields;
  const notify = notifyIn(fields, place);
  const ret = returnIn(fields, place);
  const envelopeId = idIn(fields, place);
  const originalRecipient = originalIn(fields, place);
  return {
    ofMessage: { ...(ret !== undefined && { ret }), ...(envelopeId !== undefined && { envelopeId }) },
    ofRecipients: {
      ...(notify !== undefined && { notify }),
      ...(originalRecipient !== undefined && { originalRecipient }),
    },
  };
}

function notifyIn({ notify: given }: Fields, place: string): Recipient['notify'] {
  if (!given) return undefined;
  const list = typeof given === 'string' ? given.split(',') : given;
  if (Array.isArray(list) && list.length === 0) return undefined;
  const known = Array.isArray(list) && list.every((word) => typeof word === 'string');
  const words = known ? [...new Set(list.map((word) => word.trim().toLowerCase()))] : [];
  if (isNotify(words)) return words;
  throw invalid(`${place}.notify`, given, 'never, or some of success, failure and delay');
}

function returnIn(fields: Fields, place: string): Envelope['ret'] {
  const found = firstOf(fields, ['ret', 'return'], place);
  if (found === undefined) return undefined;
  const ret = RETURNS.get(found.text.toLowerCase());
  if (ret === undefined) throw invalid(found.name, found.text, 'full or hdrs (or body, headers)');
  return ret;
}

function idIn(fields: Fields, place: string): string | undefined {
  const found = firstOf(fields, ['envid', 'id'], place);
  const envelopeId = found && xtext(found.text);
  if (envelopeId === undefined || isEnvelopeId(envelopeId)) return envelopeId;
  throw invalid(found?.name ?? place, found?.text, 'a text that has at most 100 characters as xtext (RFC 3461 4.4)');
}

/** An address without a type is one of the internet (RFC 3461 4.2). */
function originalIn(fields: Fields, place: string): string | undefined {
  const found = firstOf(fields, ['recipient', 'orcpt'], place);
  const original = found && xtext(found.text.includes(';') ? found.text : `rfc822;${found.text}`);
  if (original === undefined || isOriginalRecipient(original)) return original;
  throw invalid(found?.name ?? place, found?.text, 'an address, or its type, a semicolon and the address');
}

/** The first of several names that has a value, as Nodemailer looks for it. */
function firstOf(fields: Fields, names: readonly string[], place: string): { name: string; text: string } | undefined {
  const found = names.find((each) => fields[each]);
  if (found === undefined) return undefined;
  const [name, value] = [`${place}.${found}`, fields[found]];
  if (typeof value !== 'string' && typeof value !== 'number') throw invalid(name, value, 'a text');
  return { name, text: String(value) };
}

function invalid(name: string, value: unknown, allowed: string): PosthasteError {
  return new PosthasteError('OPTION_INVALID', `${name} is ${shown(value)}: give ${allowed}.`);
}
