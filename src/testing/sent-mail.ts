/** A message as the tests of an application look at it: read again from what is kept, not from what was given. */
import PostalMime, { type Address, decodeWords, type Email } from 'postal-mime';
import type { FoundMessage } from '../app/found.ts';
import type { Priority } from '../queue/message.ts';
import type { Id } from '../runtime/id.ts';

/** An attachment, decoded. */
export interface SentAttachment {
  readonly filename: string | null;
  /** As `application/pdf`. */
  readonly contentType: string;
  readonly content: Uint8Array;
}

/** A message that was submitted, read again from its content. */
export interface SentMail {
  /** The queue id. */
  readonly id: Id;
  /** As the header says it, `Ann <ann@example.com>`; empty where it has none. */
  readonly from: string;
  /** All who get it, of the envelope: to, cc and bcc. */
  readonly recipients: readonly string[];
  /** The addresses of the header fields. */
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly subject: string;
  /** Empty where there is none. */
  readonly text: string;
  readonly html: string;
  readonly attachments: readonly SentAttachment[];
  /** The first value of each field, decoded as the subject is; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly priority: Priority;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The whole content. */
  readonly raw: Buffer;
}

export async function readMail({ message, deliveries }: FoundMessage, raw: Buffer): Promise<SentMail> {
  const email = await PostalMime.parse(raw);
  return {
    id: message.id,
    from: email.from === undefined ? '' : shown(email.from),
    recipients: deliveries.map(({ recipient }) => recipient),
    to: addresses(email.to),
    cc: addresses(email.cc),
    subject: email.subject ?? '',
    text: email.text ?? '',
    html: email.html ?? '',
    attachments: email.attachments.map((attachment) => ({
      filename: attachment.filename,
      contentType: attachment.mimeType,
      content: bytesOf(attachment.content),
    })),
    headers: headersOf(email),
    priority: message.priority,
    tags: message.tags,
    metadata: message.metadata,
    raw,
  };
}

function shown({ name, address }: Address): string {
  return name ? `${name} <${address ?? ''}>` : (address ?? '');
}

function addresses(list: readonly Address[] = []): string[] {
  return list.flatMap((entry) => entry.group ?? [entry]).flatMap(({ address }) => address ?? []);
}

function bytesOf(content: string | ArrayBuffer | Uint8Array): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content);
}

function headersOf(email: Email): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const { key, value } of email.headers) headers[key] ??= decodeWords(value);
  return headers;
}
