/** The trace field that every message gets from us (RFC 5321 4.4). */
import { isIP } from 'node:net';
import type { Address } from '../mail/address.ts';
import { mailDate } from '../mail/date.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, isId } from '../runtime/id.ts';

/** How a message came, as RFC 3848 names it, and with UTF8 as RFC 6531 does. */
export type Protocol =
  | 'SMTP'
  | 'ESMTP'
  | 'ESMTPS'
  | 'ESMTPA'
  | 'ESMTPSA'
  | 'UTF8SMTP'
  | 'UTF8SMTPS'
  | 'UTF8SMTPA'
  | 'UTF8SMTPSA';

/** RFC 3848, and RFC 6531 4.3. */
export function protocolOf(smtputf8: boolean, extended: boolean, secure: boolean, loggedIn: boolean): Protocol {
  const letters = `${secure ? 'S' : ''}${loggedIn ? 'A' : ''}` as '' | 'S' | 'A' | 'SA';
  if (smtputf8) return `UTF8SMTP${letters}`;
  return letters === '' && !extended ? 'SMTP' : `ESMTP${letters}`;
}

export interface ReceivedFrom {
  /** What the client called itself in HELO or EHLO. */
  readonly name: string;
  /** Its IP address. */
  readonly address: string;
  readonly protocol: Protocol;
  /** The name of the cipher suite where TLS was used (RFC 8314 4.3). */
  readonly cipher?: string;
}

export interface ReceivedBy {
  /** Our own host name: a guard against loops looks for it in this place. */
  readonly hostname: string;
  readonly id: Id;
  /** Only where it is the only one: others must not learn of each other. */
  readonly recipient: Address | undefined;
  readonly now: Instant;
}

/** The whole field with its line ends. `from` is null where no network was involved. */
export function receivedField(from: ReceivedFrom | null, by: ReceivedBy): string {
  const origin = from === null ? '' : `from ${heloName(from)} (${addressLiteral(from.address)})\r\n\t`;
  const protocol = from === null ? '' : ` with ${from.protocol}`;
  const recipient = by.recipient === undefined ? '' : `\r\n\tfor <${by.recipient}>`;
  const cipher = from?.cipher === undefined ? '' : `\r\n\ttls ${atomOf(from.cipher)}`;
  return `Received: ${origin}by ${by.hostname} (posthaste)${protocol} id ${by.id}${recipient}${cipher};\r\n\t${mailDate(by.now)}\r\n`;
}

/** A name as it may stand in a trace field; anything else gives way to the address literal, which is true at least. */
function heloName({ name, address }: ReceivedFrom): string {
  return /^(?:[\w.-]{1,255}|\[[\w.:-]{1,80}\])$/.test(name) ? name : addressLiteral(address);
}

function addressLiteral(address: string): string {
  return isIP(address) === 6 ? `[IPv6:${address}]` : `[${address}]`;
}

function atomOf(text: string): string {
  return text.replace(/[^\w-]/g, '_');
}

/** The queue ids in the fields that posthaste wrote, of this host or of another. */
export function idsIn(traces: readonly string[]): readonly Id[] {
  return traces.flatMap((trace) => {
    const id = /\bby \S+ \(posthaste\)(?: with \w+)? id ([0-9a-f-]{36})\b/i.exec(trace.replace(/\s+/g, ' '))?.[1];
    return id !== undefined && isId(id) ? [id] : [];
  });
}
