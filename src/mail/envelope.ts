/** The envelope of an SMTP transaction with its DSN parameters (RFC 5321, RFC 3461), apart from the content. */
import type { Address } from './address.ts';

/** When a recipient's sender wants a report (RFC 3461 4.1). `never` stands alone. */
export type Notify = 'never' | 'success' | 'failure' | 'delay';

export interface Recipient {
  readonly address: Address;
  /** Absent: the receiver's choice, which is failure and delay. */
  readonly notify?: readonly Notify[];
  /** ORCPT as it was given, xtext still encoded: `rfc822;user@example.com` (RFC 3461 4.2). */
  readonly originalRecipient?: string;
}

export interface Envelope {
  /** null is `<>`: a report, to which nobody must answer with another. */
  readonly sender: Address | null;
  readonly recipients: readonly Recipient[];
  /** How much of the message a report returns (RFC 3461 4.3). */
  readonly ret?: 'full' | 'hdrs';
  /** ENVID as it was given, xtext still encoded, at most 100 characters (RFC 3461 4.4). */
  readonly envelopeId?: string;
  /** The client asked for SMTPUTF8 (RFC 6531): the next hop must offer it too. */
  readonly smtputf8: boolean;
}

const NOTIFY: readonly Notify[] = ['never', 'success', 'failure', 'delay'];
/** As many as may stand together. */
const MAX_NOTIFY = NOTIFY.length - 1;

/** RFC 3461 4.1: `never` alone, or some of the others. */
export function isNotify(words: readonly string[]): words is readonly Notify[] {
  if (words.length === 0 || words.length > MAX_NOTIFY) return false;
  return (
    words.every((word) => (NOTIFY as readonly string[]).includes(word)) &&
    !(words.length > 1 && words.includes('never'))
  );
}

const XTEXT = '(?:[!-*,-<>-~]|\\+[0-9A-F]{2})';
const ENVELOPE_ID = new RegExp(`^(?=.{1,100}$)${XTEXT}+$`);
/** An address in ORCPT is xtext (RFC 3461 4.2); of the type utf-8 it may be UTF-8 itself, in a transaction with SMTPUTF8 (RFC 6533 3). */
const ORCPT = `(?:[Uu][Tt][Ff]-8;(?:${XTEXT}|[^\\x00-\\x9f])+|[A-Za-z0-9-]+;${XTEXT}+)`;
const ORIGINAL_RECIPIENT = new RegExp(`^(?=.{1,500}$)${ORCPT}$`, 'u');

/** ENVID as it may stand in a command. */
export function isEnvelopeId(text: string): boolean {
  return ENVELOPE_ID.test(text);
}

/** ORCPT as it may stand in a command. */
export function isOriginalRecipient(text: string): boolean {
  return ORIGINAL_RECIPIENT.test(text);
}

/** What is wrong with the DSN parameters of an envelope, as a sentence without its end; undefined: nothing. */
export function dsnFault({ ret, envelopeId, recipients }: Envelope): string | undefined {
  if (ret !== undefined && ret !== 'full' && ret !== 'hdrs') return `ret is ${JSON.stringify(ret)}: give full or hdrs`;
  if (envelopeId !== undefined && !isEnvelopeId(envelopeId))
    return `envelopeId is ${JSON.stringify(envelopeId)}: give 1 to 100 characters of xtext (RFC 3461 4.4)`;
  for (const { notify, originalRecipient } of recipients) {
    if (notify !== undefined && !isNotify(notify))
      return `notify is ${JSON.stringify(notify)}: give never, or some of success, failure and delay`;
    if (originalRecipient !== undefined && !isOriginalRecipient(originalRecipient))
      return `originalRecipient is ${JSON.stringify(originalRecipient)}: give a type, a semicolon and xtext (RFC 3461 4.2)`;
  }
  return undefined;
}

/** RFC 3461 4: what is not printable ASCII, `+` and `=` go as `+` and two hexadecimal digits. */
export function xtext(text: string): string {
  const escaped = (octet: number): string => `+${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  return Array.from(Buffer.from(text), (octet) => {
    const plain = octet > 32 && octet < 127 && octet !== 0x2b && octet !== 0x3d;
    return plain ? String.fromCharCode(octet) : escaped(octet);
  }).join('');
}
