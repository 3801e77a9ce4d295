/**
 * postal-mime with the octets of parts as they were sent. By itself it puts their lines together again with LF and adds one, and has no
 * option against it: its inside tells where each body begins and ends ([why](../../docs/decisions/0016-http-api.md)).
 */
import PostalMime, { type Attachment } from 'postal-mime';
import { decodeQuotedPrintable } from './quoted-printable.ts';

/** A part, as far as it is used here. */
interface Node {
  readonly state: 'header' | 'body' | 'finished';
  readonly contentTransferEncoding: { readonly encoding: string };
  content: ArrayBuffer | null;
}

/** A parser of one message, as far as it is used here; those of messages within it are of the same class. */
interface Parser {
  readonly currentNode: Node;
  /** The message, and how much of it was read, line by line. */
  readonly av: Uint8Array;
  readonly readPos: number;
  readonly attachments: Attachment[];
  processLine(line: Uint8Array, isFinal: boolean): Promise<void>;
  collectAttachment(node: Node, content: ArrayBuffer, ...more: readonly unknown[]): void;
  collectSubMessage(node: Node): Promise<void>;
}

interface Body {
  readonly begin: number;
  /** undefined: as far as the message goes. */
  end?: number;
}

const bodies = new WeakMap<Node, Body>();
const parser = PostalMime.prototype as unknown as Parser;
const { processLine, collectAttachment, collectSubMessage } = parser;

parser.processLine = async function (line, isFinal) {
  const node = this.currentNode;
  const before = node.state;
  await processLine.call(this, line, isFinal);
  const isBoundary = this.currentNode !== node;
  const body = bodies.get(node);
  if (before === 'header' && node.state !== 'header' && !isBoundary) bodies.set(node, { begin: this.readPos });
  else if (isBoundary && body !== undefined) body.end ??= endBefore(this.av, line.byteOffset);
};

parser.collectAttachment = function (node, content, ...more) {
  collectAttachment.call(this, node, content, ...more);
  const exact = octetsOf(this, node);
  const attachment = this.attachments.at(-1);
  if (exact !== undefined && attachment !== undefined) attachment.content = exact;
};

parser.collectSubMessage = function (node) {
  node.content = octetsOf(this, node)?.buffer ?? node.content;
  return collectSubMessage.call(this, node);
};

/** The line break before a boundary belongs to the boundary (RFC 2046 5.1.1). */
function endBefore(message: Uint8Array, boundary: number): number {
  const end = message[boundary - 1] === 0x0a ? boundary - 1 : boundary;
  return message[end - 1] === 0x0d ? end - 1 : end;
}

/** undefined: those of the library are right, as they are of base64. */
function octetsOf({ av }: Parser, node: Node): Uint8Array<ArrayBuffer> | undefined {
  const body = bodies.get(node);
  const { encoding } = node.contentTransferEncoding;
  if (body === undefined || /base64/i.test(encoding)) return undefined;
  const octets = av.subarray(body.begin, Math.max(body.begin, body.end ?? av.length));
  return new Uint8Array(/quoted-printable/i.test(encoding) ? decodeQuotedPrintable(octets) : octets);
}

export { PostalMime };
