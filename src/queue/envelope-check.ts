/** What an envelope must be to be kept: what every way in checks in words of its own, and nothing gets past. */
import { PosthasteError } from '../errors.ts';
import { addressFault } from '../mail/address.ts';
import { dsnFault, type Envelope } from '../mail/envelope.ts';

/** Throws NO_RECIPIENTS, ADDRESS_INVALID and OPTION_INVALID: what is kept stands in SMTP commands later. */
export function checkEnvelope(envelope: Envelope): void {
  const { sender, recipients } = envelope;
  if (recipients.length === 0)
    throw new PosthasteError('NO_RECIPIENTS', 'The message has no recipients: name at least one in to, cc or bcc.');
  if (sender !== null) checkAddress(sender);
  for (const { address } of recipients) checkAddress(address);
  const fault = dsnFault(envelope);
  if (fault !== undefined) throw new PosthasteError('OPTION_INVALID', `The envelope is refused: ${fault}.`);
}

function checkAddress(address: string): void {
  const fault = addressFault(address);
  if (fault === undefined) return;
  throw new PosthasteError('ADDRESS_INVALID', `The address ${JSON.stringify(address)} ${fault}.`);
}
