import { expect, test } from 'vitest';
import type { Envelope } from '../mail/envelope.ts';
import { envelopeRejection } from './accept.ts';
import { BAD_RECIPIENT, BAD_SENDER, NEEDS_SMTPUTF8, NO_VALID_RECIPIENTS, TOO_MANY_RECIPIENTS } from './rejections.ts';

const LIMITS = { maxMessageSize: 100, maxHeaderSize: 100, maxRecipients: 2, maxHops: 50 };

function envelope(sender: string | null, recipients: readonly string[], smtputf8 = false): Envelope {
  return { sender, recipients: recipients.map((address) => ({ address })), smtputf8 };
}

test.each([
  ['no recipient', envelope('a@x', []), NO_VALID_RECIPIENTS],
  ['too many', envelope('a@x', ['a@x', 'b@x', 'c@x']), TOO_MANY_RECIPIENTS],
  ['a malformed sender', envelope('a', ['a@x']), BAD_SENDER],
  ['a malformed recipient', envelope('a@x', ['a@x', 'b']), BAD_RECIPIENT],
  ['an address outside ASCII', envelope('a@x', ['ü@x']), NEEDS_SMTPUTF8],
  ['such a sender', envelope('ü@x', ['a@x']), NEEDS_SMTPUTF8],
])('an envelope with %s is refused', (_, given, rejection) => {
  expect(envelopeRejection(given, LIMITS)).toBe(rejection);
});

test('an envelope from nobody, or outside ASCII where that was asked for, is fine', () => {
  expect(envelopeRejection(envelope(null, ['a@x', 'b@x']), LIMITS)).toBeUndefined();
  expect(envelopeRejection(envelope('ü@x', ['ü@ü.example'], true), LIMITS)).toBeUndefined();
});
