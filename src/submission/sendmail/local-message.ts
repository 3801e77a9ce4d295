/** A message of a local program: who it is from and for, and its content with what programs leave out. */
import { PosthasteError } from '../../errors.ts';
import { type Address, addressFault, isAddress, mailboxKey, needsSmtpUtf8 } from '../../mail/address.ts';
import { encodeWords } from '../../mail/encoded-words.ts';
import { type Envelope, type Notify, xtext } from '../../mail/envelope.ts';
import { parseAddressList } from './address-list.ts';
import type { Field, Head } from './head.ts';

/** Of whom and where a program runs. */
export interface Locality {
  /** The name of the user. */
  readonly user: string;
  /** The domain of names without one. */
  readonly domain: string;
  /** Who gets what is for names without a domain; null: they do, at `domain`. */
  readonly everybody: Address | null;
}

/** What the command line says of a message. */
export interface LocalOptions {
  /** Lists of addresses. */
  readonly recipients: readonly string[];
  /** Recipients stand in the header too. */
  readonly fromHeader: boolean;
  /** `<>` and the empty text are the null sender. Absent: the user. */
  readonly sender?: string;
  /** For a From field, where the message has none. */
  readonly fullName?: string;
  readonly notify?: readonly Notify[];
  readonly ret?: 'full' | 'hdrs';
  /** Not encoded yet. */
  readonly envelopeId?: string;
}

/** Throws NO_RECIPIENTS and ADDRESS_INVALID. */
export function localEnvelope(options: LocalOptions, fields: readonly Field[], locality: Locality): Envelope {
  const lists = [...options.recipients, ...(options.fromHeader ? recipientFields(fields) : [])];
  const named = lists.flatMap((list) => addressesIn(list));
  const addresses = unique(named.map((address) => checked(whole(address, locality))));
  if (addresses.length === 0) throw noRecipients(options.fromHeader);
  const sender = localSender(options.sender, locality);
  const { notify, ret, envelopeId } = options;
  return {
    sender,
    recipients: addresses.map((address) => ({ address, ...(notify !== undefined && { notify }) })),
    ...(ret !== undefined && { ret }),
    ...(envelopeId !== undefined && { envelopeId: xtext(envelopeId) }),
    smtputf8: [...addresses, sender ?? ''].some(needsSmtpUtf8),
  };
}

function noRecipients(fromHeader: boolean): PosthasteError {
  const where = fromHeader
    ? 'neither its header (To, Cc, Bcc) nor the command line names any'
    : 'name them on the command line, or give -t to take them from the header';
  return new PosthasteError('NO_RECIPIENTS', `The message has no recipients: ${where}.`);
}

/** A message that is sent again goes to those of its Resent fields alone (RFC 5322 3.6.6). */
function recipientFields(fields: readonly Field[]): string[] {
  const resent = fields.some(({ name }) => name.startsWith('resent-')) ? 'resent-' : '';
  const names = ['to', 'cc', 'bcc'].map((name) => resent + name);
  return fields.filter(({ name }) => names.includes(name)).map(({ value }) => value);
}

function addressesIn(list: string): readonly string[] {
  const { addresses, faults } = parseAddressList(list);
  if (faults[0] !== undefined) throw notAnAddress(faults[0], 'is malformed');
  return addresses;
}

/** With a domain, or as the one who gets all that has none. */
function whole(address: string, { domain, everybody }: Locality): string {
  return address === '' || hasDomain(address) ? address : (everybody ?? `${address}@${domain}`);
}

/** An @ between quotes is part of a name. */
function hasDomain(address: string): boolean {
  return address.includes('@') && !address.endsWith('"');
}

function checked(address: string): Address {
  const fault = addressFault(address);
  if (fault === undefined) return address;
  throw notAnAddress(address, fault);
}

function notAnAddress(text: string, fault: string): PosthasteError {
  return new PosthasteError('ADDRESS_INVALID', `The address ${JSON.stringify(text)} ${fault}.`);
}

function unique(addresses: readonly Address[]): Address[] {
  return [...new Map(addresses.toReversed().map((address) => [mailboxKey(address), address])).values()].toReversed();
}

function localSender(given: string | undefined, { user, domain }: Locality): Address | null {
  if (given === undefined) return userAddress(user, domain);
  const [first = '', ...more] = addressesIn(given);
  if (more.length > 0) throw notAnAddress(given, 'is more than one, and a message has one sender');
  if (first === '') return null;
  return checked(hasDomain(first) ? first : `${first}@${domain}`);
}

function userAddress(user: string, domain: string): Address {
  const plain = `${user}@${domain}`;
  return isAddress(plain) ? plain : `"${user.replace(/[\\"]/g, '\\$&')}"@${domain}`;
}

/** The From field with its line end, or nothing where the message has one that is not empty. Date and Message-ID come from the intake. */
export function missingFrom(head: Head, sender: Address | null, fullName: string | undefined, who: Locality): string {
  if (head.fields.some(({ name, value }) => name === 'from' && value.trim() !== '')) return '';
  const address = sender ?? userAddress(who.user, who.domain);
  const phrase = phraseOf(fullName ?? '');
  return phrase === '' ? `From: ${address}\r\n` : `From: ${phrase} <${address}>\r\n`;
}

/** A name as it may stand before an address: no control character of it can begin another field. */
function phraseOf(name: string): string {
  const text = name.replace(/\p{Cc}+/gu, ' ').trim();
  if (!/^[\x20-\x7e]*$/.test(text)) return encodeWords(text);
  return /^[\w!#$%&'*+/=?^`{|}~ -]*$/.test(text) ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`;
}
