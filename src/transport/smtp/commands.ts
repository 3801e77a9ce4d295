/** The commands of a transaction with the parameters that the relay offers, and what it could not take however they were written. */
import { type Address, needsSmtpUtf8 } from '../../mail/address.ts';
import { type Envelope, isNotify, type Recipient } from '../../mail/envelope.ts';
import type { Outcome } from '../../mail/outcome.ts';
import { type Extensions, sizeLimit } from './extensions.ts';

/** What the commands need to know of a message. */
export interface Transaction {
  readonly envelope: Envelope;
  readonly content: { readonly size: number; readonly eightBit: boolean };
}

/** MAIL with its line end (RFC 5321 4.1.1.2). */
export function mailCommand({ envelope, content }: Transaction, extensions: Extensions): string {
  let command = `MAIL FROM:<${envelope.sender ?? ''}>`;
  if (extensions.has('SIZE')) command += ` SIZE=${content.size}`;
  if (content.eightBit && extensions.has('8BITMIME')) command += ' BODY=8BITMIME';
  if (isUtf8(envelope, extensions)) command += ' SMTPUTF8';
  if (extensions.has('DSN')) {
    if (envelope.ret) command += ` RET=${envelope.ret.toUpperCase()}`;
    if (envelope.envelopeId) command += ` ENVID=${envelope.envelopeId}`;
  }
  return `${command}\r\n`;
}

/** RCPT with its line end. `envelope`: whose recipient it is. */
export function rcptCommand(recipient: Recipient, envelope: Envelope, extensions: Extensions): string {
  let command = `RCPT TO:<${recipient.address}>`;
  if (extensions.has('DSN')) {
    if (recipient.notify?.length) command += ` NOTIFY=${recipient.notify.join(',').toUpperCase()}`;
    const original = recipient.originalRecipient;
    if (original) command += orcpt(original, isUtf8(envelope, extensions));
  }
  return `${command}\r\n`;
}

/**
 * UTF-8 may stand there in a transaction with SMTPUTF8 alone; elsewhere the type utf-8 has a form in ASCII, and other types have none
 * (RFC 6533 3).
 */
function orcpt(original: string, utf8: boolean): string {
  const text = utf8 || !/^utf-8;/i.test(original) ? original : original.replace(/[^\x20-\x7e]/gu, embedded);
  return utf8 || !needsSmtpUtf8(text) ? ` ORCPT=${text}` : '';
}

function embedded(character: string): string {
  return `\\x{${character.codePointAt(0)?.toString(16).toUpperCase()}}`;
}

function isUtf8(envelope: Envelope, extensions: Extensions): boolean {
  return extensions.has('SMTPUTF8') && (envelope.smtputf8 || usesUtf8(envelope));
}

function usesUtf8({ sender, recipients }: Envelope): boolean {
  return needsSmtpUtf8(sender ?? '') || recipients.some((recipient) => needsSmtpUtf8(recipient.address));
}

/**
 * What this relay surely cannot take: an outcome for each recipient that is not worth asking about, in the order of the envelope.
 * The message is never changed to make it fit.
 */
export function preflight(transaction: Transaction, extensions: Extensions): (Outcome | undefined)[] {
  const { envelope } = transaction;
  const whole = contentFault(transaction, extensions) ?? senderFault(envelope, extensions);
  return envelope.recipients.map((recipient) => whole ?? recipientFault(recipient, extensions));
}

function contentFault({ envelope, content }: Transaction, extensions: Extensions): Outcome | undefined {
  const limit = sizeLimit(extensions);
  if (limit !== undefined && content.size > limit) {
    return refused(
      'message',
      552,
      '5.3.4',
      `the relay takes no message above ${limit} octets, and this one has ${content.size}`,
    );
  }
  if (!content.eightBit) return undefined;
  if (envelope.smtputf8 && !extensions.has('SMTPUTF8')) {
    return refused(
      'message',
      553,
      '5.6.7',
      'the message was submitted with SMTPUTF8, which the relay does not offer (RFC 6531)',
    );
  }
  if (extensions.has('8BITMIME')) return undefined;
  return refused(
    'message',
    554,
    '5.6.3',
    'the message has 8-bit octets, and the relay takes 7 bits only (it offers no 8BITMIME)',
  );
}

function senderFault({ sender, ret, envelopeId }: Envelope, extensions: Extensions): Outcome | undefined {
  const fault = addressFault(sender ?? '', extensions);
  if (fault !== undefined) return refused('message', 553, fault.status, `the sender's address ${fault.text}`);
  if (!extensions.has('DSN')) return undefined;
  if (ret && ret !== 'full' && ret !== 'hdrs') return malformed('message', 'RET');
  return isParameter(envelopeId) ? undefined : malformed('message', 'ENVID');
}

function recipientFault(
  { address, notify, originalRecipient }: Recipient,
  extensions: Extensions,
): Outcome | undefined {
  const fault = addressFault(address, extensions);
  if (fault !== undefined) return refused('recipient', 553, fault.status, `the recipient's address ${fault.text}`);
  if (!extensions.has('DSN')) return undefined;
  if (notify?.length && !isNotify(notify)) return malformed('recipient', 'NOTIFY');
  return isParameter(originalRecipient) ? undefined : malformed('recipient', 'ORCPT');
}

/** No way in keeps such a parameter: another program wrote it, and it must not do harm here. */
function malformed(scope: 'message' | 'recipient', name: string): Outcome {
  return refused(
    scope,
    501,
    '5.5.4',
    `what is kept as ${name} of the message is malformed, and would break the SMTP command`,
  );
}

/** Nothing that would end the parameter, or the line, before its time. */
function isParameter(text = ''): boolean {
  return !/[\p{Cc} ]/u.test(text);
}

function addressFault(address: Address, extensions: Extensions): { status: string; text: string } | undefined {
  if (!isSafe(address)) return { status: '5.1.3', text: 'has characters that would break the SMTP command' };
  if (!needsSmtpUtf8(address) || extensions.has('SMTPUTF8')) return undefined;
  return { status: '5.6.7', text: 'is not ASCII, and the relay offers no SMTPUTF8 (RFC 6531)' };
}

/** An address that could end its command, or add a parameter to it, was kept by mistake; it must not do harm here. */
function isSafe(address: Address): boolean {
  if (/\p{Cc}/u.test(address)) return false;
  return !/[ <>]/.test(address.startsWith('"') ? address.replace(/^"(?:[^"\\]|\\.)*"/, '') : address);
}

function refused(scope: 'message' | 'recipient', code: number, status: string, text: string): Outcome {
  return { kind: 'refused', scope, reply: { code, status, text, ours: true } };
}
