/** Mail for tests of the way out, in as few words as a test can bear. */
import type { Envelope } from '../../../src/mail/envelope.ts';
import type { Outcome } from '../../../src/mail/outcome.ts';
import type { Content } from '../../../src/transport/transport.ts';

export function envelope(...recipients: readonly string[]): Envelope {
  return { sender: 'sender@example.com', recipients: recipients.map((address) => ({ address })), smtputf8: false };
}

export const toOne = envelope('rcpt@example.com');

/** A content that is in memory. */
export function content(text: string | Uint8Array = 'Subject: test\r\n\r\nHello.\r\n'): Content {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return { size: bytes.length, eightBit: false, chunks: () => [bytes] };
}

/** A content that comes in pieces, as from a database. */
export function streamed(size: number, chunks: () => AsyncIterable<Uint8Array>): Content {
  return { size, eightBit: false, chunks };
}

/** Never aborted. */
export const never = new AbortController().signal;

/** `deferred relay in doubt`: what came of it, without the reply. */
export function kinds(outcomes: readonly Outcome[]): string[] {
  return outcomes.map((outcome) => {
    const scope = 'scope' in outcome ? ` ${outcome.scope}` : '';
    return `${outcome.kind}${scope}${outcome.kind === 'deferred' && outcome.inDoubt ? ' in doubt' : ''}`;
  });
}
