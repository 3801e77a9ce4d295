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

/** RFC 3461 4: what is not printable ASCII, `+` and `=` go as `+` and two hexadecimal digits. */
export function xtext(text: string): string {
  const escaped = (octet: number): string => `+${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  return Array.from(Buffer.from(text), (octet) => {
    const plain = octet > 32 && octet < 127 && octet !== 0x2b && octet !== 0x3d;
    return plain ? String.fromCharCode(octet) : escaped(octet);
  }).join('');
}
