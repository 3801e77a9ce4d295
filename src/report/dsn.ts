/** The delivery status notification that a failure or a long delay owes the sender (RFC 3461, 3462, 3464, 6533). Pure. */
import { needsSmtpUtf8 } from '../mail/address.ts';
import { mailDate } from '../mail/date.ts';
import { encodeWords } from '../mail/encoded-words.ts';
import { printable, type Reply } from '../mail/reply.ts';
import type { Draft } from '../queue/queue.ts';
import type { Reported, ReportInput } from './owed.ts';
import { actionSentence, reportSubject, statusOf } from './words.ts';

/** Larger originals come back as their header alone. Octets. */
export const MAX_RETURNED = 50_000;

/** The report as a message of its own, from the null sender; null where nobody is owed one: reports on reports are never sent. */
export function composeReport(input: ReportInput): Draft | null {
  const { message } = input;
  if (message.sender === null || input.recipients.length === 0) return null;
  const returned = returnedPart(input);
  const eightBit = returned.some((part) => part.some((octet) => octet > 127)) || needsSmtpUtf8(message.sender);
  const bytes = Buffer.concat([
    Buffer.from(head(input, eightBit)),
    Buffer.from(statusParts(input)),
    ...returned,
    Buffer.from(`\r\n--${boundary(input)}--\r\n`),
  ]);
  return {
    id: input.id,
    envelope: {
      sender: null,
      // NOTIFY=NEVER on a report keeps a relay with DSN from ever answering it (RFC 3461 6.2).
      recipients: [{ address: message.sender, notify: ['never'] }],
      smtputf8: needsSmtpUtf8(message.sender),
    },
    content: { bytes },
    size: bytes.length,
    eightBit,
    messageId: `<${input.id}@${input.hostname}>`,
    subject: reportSubject(input),
    origin: 'report',
    reportOn: message.id,
  };
}

function boundary(input: ReportInput): string {
  return `=_report_${input.id}`;
}

function head(input: ReportInput, eightBit: boolean): string {
  const { message, hostname } = input;
  const kind = needsSmtpUtf8(message.sender ?? '') ? 'global-delivery-status' : 'delivery-status';
  return lines([
    `Date: ${mailDate(input.now)}`,
    `From: Mail Delivery System <MAILER-DAEMON@${hostname}>`,
    `To: ${message.sender}`,
    `Subject: ${encodeHeader(reportSubject(input))}`,
    `Message-ID: <${input.id}@${hostname}>`,
    ...threadFields(message),
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=${kind};`,
    `\tboundary="${boundary(input)}"`,
    ...(eightBit ? ['Content-Transfer-Encoding: 8bit'] : []),
    '',
    'This is a delivery report in MIME format.',
    '',
  ]);
}

/** Beyond ASCII only where the report travels with SMTPUTF8 (RFC 6532 3.3). */
function threadFields({ sender, messageId }: ReportInput['message']): string[] {
  if (needsSmtpUtf8(messageId) && !needsSmtpUtf8(sender ?? '')) return [];
  return [`In-Reply-To: ${messageId}`, `References: ${messageId}`];
}

function statusParts(input: ReportInput): string {
  const global = needsSmtpUtf8(input.message.sender ?? '');
  return lines([
    `--${boundary(input)}`,
    ...textPart(humanText(input)),
    '',
    `--${boundary(input)}`,
    `Content-Type: message/${global ? 'global-delivery-status' : 'delivery-status'}`,
    ...(global ? ['Content-Transfer-Encoding: 8bit'] : []),
    '',
    ...messageFields(input),
    ...input.recipients.flatMap((recipient) => ['', ...recipientFields(recipient, global)]),
    '',
    `--${boundary(input)}`,
  ]);
}

function humanText(input: ReportInput): string {
  const { message } = input;
  return lines([
    `This is posthaste, the mail queue at ${input.hostname}.`,
    '',
    ...input.recipients.flatMap((recipient) => [...actionSentence(recipient), '']),
    'The message was:',
    `  Subject:    ${message.subject ?? '(none)'}`,
    `  Accepted:   ${mailDate(message.createdAt)}`,
    `  Message-ID: ${message.messageId}`,
    `  Queue id:   ${message.id}`,
  ]);
}

function textPart(text: string): string[] {
  if (isAscii(text) && !/.{900}/.test(text)) return ['Content-Type: text/plain; charset=us-ascii', '', text];
  return [
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    base64(Buffer.from(text)),
  ];
}

/** RFC 3464 2.2. An envelope id is printable ASCII (RFC 3461 4.4), whatever was given for one. */
function messageFields({ message, hostname }: ReportInput): string[] {
  const id = message.envelopeId === null ? null : asciiOnly(decodeXtext(message.envelopeId));
  return [
    `Reporting-MTA: dns; ${hostname}`,
    ...(id === null ? [] : [`Original-Envelope-Id: ${fold(id)}`]),
    `Arrival-Date: ${mailDate(message.createdAt)}`,
  ];
}

/** RFC 3464 2.3. */
function recipientFields(reported: Reported, global: boolean): string[] {
  const { delivery, action, reply, remote } = reported;
  return [
    ...(delivery.originalRecipient === null
      ? []
      : [`Original-Recipient: ${originalRecipient(delivery.originalRecipient)}`]),
    `Final-Recipient: ${typedAddress(delivery.recipient, global)}`,
    `Action: ${action}`,
    `Status: ${statusOf(reported)}`,
    ...(remote === null || reply.ours === true ? [] : [`Remote-MTA: dns; ${remote}`]),
    `Diagnostic-Code: ${fold(diagnostic(reply))}`,
    ...(delivery.lastAttemptAt === null ? [] : [`Last-Attempt-Date: ${mailDate(delivery.lastAttemptAt)}`]),
    ...(action === 'delayed' ? [`Will-Retry-Until: ${mailDate(delivery.expiresAt)}`] : []),
  ];
}

/** `smtp` is for what an SMTP server said; our own words have a type of our own (RFC 3464 2.3.6). */
function diagnostic(reply: Reply): string {
  const text = [reply.code, reply.status, reply.text.replaceAll('\n', ' ')]
    .filter((part) => part !== undefined)
    .join(' ');
  return `${reply.ours === true ? 'X-posthaste' : 'smtp'}; ${asciiOnly(printable(text)).slice(0, 900)}`;
}

/** A non-ASCII address in a 7-bit report is written with its characters as `\x{HEX}` (RFC 6533 3). */
function typedAddress(address: string, global: boolean): string {
  if (!needsSmtpUtf8(address)) return `rfc822; ${address}`;
  return `utf-8; ${global ? address : asciiOnly(address)}`;
}

function originalRecipient(orcpt: string): string {
  const [type = 'rfc822', ...rest] = orcpt.split(';');
  return fold(`${type}; ${asciiOnly(printable(decodeXtext(rest.join(';'))))}`);
}

/** RFC 3461 4: `+XX` is the octet with that hexadecimal number. */
export function decodeXtext(text: string): string {
  return printable(text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
}

/** The third part: the whole original, or its header (RFC 3462 2, RFC 3461 4.3). */
function returnedPart(input: ReportInput): Uint8Array[] {
  const { original, message } = input;
  if (original === null) return [Buffer.from('Content-Type: text/rfc822-headers\r\n\r\n')];
  const whole =
    message.ret !== 'hdrs' &&
    message.size <= MAX_RETURNED &&
    original.length === message.size &&
    !cannotTravel(input, original);
  if (whole) {
    const type = needsSmtpUtf8(message.sender ?? '') ? 'message/global' : 'message/rfc822';
    const encoding = message.eightBit ? 'Content-Transfer-Encoding: 8bit\r\n' : '';
    return [Buffer.from(`Content-Type: ${type}\r\n${encoding}\r\n`), original];
  }
  const header = headerOf(original);
  if (header.every((octet) => octet < 128)) return [Buffer.from('Content-Type: text/rfc822-headers\r\n\r\n'), header];
  const lead = 'Content-Type: text/rfc822-headers; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  return [Buffer.from(lead + base64(header))];
}

/**
 * A relay that refused the content for its form would refuse the report that carries it, and one with a header in UTF-8 is a
 * message/global, for which a sender in ASCII need not have SMTPUTF8 (RFC 6532 3.7).
 */
function cannotTravel({ message, recipients }: ReportInput, original: Uint8Array): boolean {
  const isGlobal = message.smtputf8 && headerOf(original).some((octet) => octet > 127);
  if (isGlobal && !needsSmtpUtf8(message.sender ?? '')) return true;
  return recipients.some(({ reply }) => reply.status?.startsWith('5.6.') === true);
}

/** Up to and with the line break of the last header line, at most MAX_RETURNED octets. */
function headerOf(content: Uint8Array): Uint8Array {
  const end = Buffer.from(content.buffer, content.byteOffset, content.byteLength).indexOf('\r\n\r\n');
  return content.subarray(0, Math.min(end < 0 ? content.length : end + 2, MAX_RETURNED));
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\r\n`).join('');
}

function isAscii(text: string): boolean {
  return !needsSmtpUtf8(text.replace(/[\r\n\t]/g, ''));
}

function asciiOnly(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, (char) => `\\x{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`);
}

function base64(bytes: Uint8Array): string {
  return (
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\r\n');
}

/** RFC 2047 encoded words of at most 75 characters; a plain text stays as it is. */
function encodeHeader(text: string): string {
  return isAscii(text) ? fold(printable(text)) : encodeWords(text);
}

/** Breaks a long field at its spaces (RFC 5322 2.2.3), each before a word: no line is white space alone (3.2.2). */
function fold(text: string): string {
  return text.replace(/(.{60,76}) (?=\S)/g, '$1\r\n ');
}
