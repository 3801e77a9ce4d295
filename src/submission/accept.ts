/** The checks of an envelope that all ways in share. */
import { type Address, addressFault, needsSmtpUtf8 } from '../mail/address.ts';
import { dsnFault, type Envelope } from '../mail/envelope.ts';
import {
  BAD_PARAMETER,
  BAD_RECIPIENT,
  BAD_SENDER,
  NEEDS_SMTPUTF8,
  NO_VALID_RECIPIENTS,
  type Rejection,
  TOO_MANY_RECIPIENTS,
} from './rejections.ts';

export interface AcceptLimits {
  /** Octets of the content as it comes. */
  readonly maxMessageSize: number;
  /** Octets of its header block. */
  readonly maxHeaderSize: number;
  readonly maxRecipients: number;
  /** Received fields at which a message counts as looping (RFC 5321 6.3). */
  readonly maxHops: number;
}

/** The sender of a message; null is `<>`. */
export function senderRejection(sender: Address | null, smtputf8: boolean): Rejection | undefined {
  if (sender === null) return undefined;
  if (addressFault(sender) !== undefined) return BAD_SENDER;
  return needsSmtpUtf8(sender) && !smtputf8 ? NEEDS_SMTPUTF8 : undefined;
}

export function recipientRejection(recipient: Address, smtputf8: boolean): Rejection | undefined {
  if (addressFault(recipient) !== undefined) return BAD_RECIPIENT;
  return needsSmtpUtf8(recipient) && !smtputf8 ? NEEDS_SMTPUTF8 : undefined;
}

/** A whole envelope at once, for ways in that do not come by command. */
export function envelopeRejection(envelope: Envelope, limits: AcceptLimits): Rejection | undefined {
  if (envelope.recipients.length === 0) return NO_VALID_RECIPIENTS;
  if (envelope.recipients.length > limits.maxRecipients) return TOO_MANY_RECIPIENTS;
  const sender = senderRejection(envelope.sender, envelope.smtputf8);
  if (sender !== undefined) return sender;
  for (const recipient of envelope.recipients) {
    const fault = recipientRejection(recipient.address, envelope.smtputf8);
    if (fault !== undefined) return fault;
  }
  return dsnFault(envelope) === undefined ? undefined : BAD_PARAMETER;
}
