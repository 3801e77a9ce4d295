/** Reads what a local program pipes in: the header whole, the rest as it comes. */
import type { Envelope } from '../../mail/envelope.ts';
import { type AcceptLimits, envelopeRejection } from '../accept.ts';
import { headerTooLarge, type Rejection } from '../rejections.ts';
import { Head } from './head.ts';
import { LocalLines } from './local-lines.ts';
import { type Locality, type LocalOptions, localEnvelope, missingFrom } from './local-message.ts';

export interface ReadOptions extends LocalOptions {
  /** A line with a dot alone ends the message. */
  readonly dotEnds: boolean;
}

export interface LocalMessage {
  readonly envelope: Envelope;
  /** The content from its beginning, its lines with CRLF. Once. */
  readonly content: AsyncIterable<Buffer>;
}

/** Answers as soon as the header is there. Throws NO_RECIPIENTS, ADDRESS_INVALID, and what `input` does. */
export async function readMessage(
  input: AsyncIterable<Buffer>,
  options: ReadOptions,
  who: Locality,
  limits: AcceptLimits,
): Promise<LocalMessage | Rejection> {
  const pieces = crlf(input, new LocalLines(options.dotEnds));
  const head = new Head(limits.maxHeaderSize);
  for (let over = false; !over; ) {
    const { value, done } = await pieces.next();
    over = done === true || head.push(value);
  }
  if (head.tooLarge) return headerTooLarge(limits.maxHeaderSize);
  const envelope = localEnvelope(options, head.fields, who);
  const rejection = envelopeRejection(envelope, limits);
  if (rejection !== undefined) return rejection;
  const from = missingFrom(head, envelope.sender, options.fullName, who);
  if (from !== '') head.dropEmpty('from');
  return { envelope, content: joined(head.with(from), pieces) };
}

async function* crlf(input: AsyncIterable<Buffer>, lines: LocalLines): AsyncGenerator<Buffer, undefined> {
  for await (const bytes of input) {
    yield lines.push(bytes);
    // Whoever wrote the lone dot may keep the pipe open.
    if (lines.ended) return;
  }
  yield lines.end();
}

async function* joined(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}
