/** One mail transaction while its envelope grows, from MAIL to the content (RFC 5321 3.3). */
import { mailboxKey } from '../../mail/address.ts';
import type { Envelope, Recipient } from '../../mail/envelope.ts';
import { CHUNK_REFUSED, CONTENT_ALREADY, NO_VALID_RECIPIENTS, type Rejection } from '../rejections.ts';
import type { MailCommand } from './command.ts';

export class OpenTransaction {
  readonly #mail: MailCommand;
  /** By mailbox: one that is named twice gets one copy. */
  readonly #recipients = new Map<string, Recipient>();
  /** The content has begun and not ended. */
  inContent = false;
  /** A chunk of the content was refused: nothing more can come of it (RFC 3030 2). */
  failed = false;

  constructor(mail: MailCommand) {
    this.#mail = mail;
  }

  get smtputf8(): boolean {
    return this.#mail.smtputf8;
  }

  /** Why it takes no more recipients, and no content by DATA; undefined: it does. */
  get closed(): Rejection | undefined {
    if (this.failed) return CHUNK_REFUSED;
    return this.inContent ? CONTENT_ALREADY : undefined;
  }

  /** Why it takes no content; undefined: it does. */
  get contentFault(): Rejection | undefined {
    if (this.failed) return CHUNK_REFUSED;
    return this.#recipients.size > 0 ? undefined : NO_VALID_RECIPIENTS;
  }

  /** False when that would be more than `limit`. */
  add(recipient: Recipient, limit: number): boolean {
    const key = mailboxKey(recipient.address);
    if (this.#recipients.has(key)) return true;
    if (this.#recipients.size >= limit) return false;
    this.#recipients.set(key, recipient);
    return true;
  }

  envelope(): Envelope {
    const { size: _, ...mail } = this.#mail;
    return { ...mail, recipients: [...this.#recipients.values()] };
  }
}
