/** What Nodemailer adds to a message by chance or by the clock: a second rendering of the same mail differs in it. */
import type { Transport } from 'nodemailer';
import type { Generated } from './key-digest.ts';

/** What Nodemailer hands to a transport. */
export type MailMessage = Parameters<Transport['send']>[0];

/** A part of a composed message, as far as it is used here. */
interface Node {
  readonly baseBoundary?: string;
  readonly childNodes?: readonly Node[];
  content?: unknown;
  getHeader(key: string): unknown;
  setHeader(key: string, value: string): unknown;
}

/** Fields that Nodemailer writes where the caller gave none, and the option by which one gives them. */
const FIELDS: readonly (readonly [field: string, option: string])[] = [
  ['date', 'date'],
  ['message-id', 'messageId'],
];

/** Must come before the content is read: content ids of data URIs are made the same each time. */
export function generatedIn(mail: MailMessage): Generated {
  const root = mail.message as unknown as Node;
  const signed = mail.data.dkim || (mail as unknown as { mailer?: { dkim?: unknown } }).mailer?.dkim;
  const fields = new Set(signed ? ['dkim-signature'] : []);
  // What comes ready is all the caller's.
  if (mail.data.raw) return { fields, boundary: null };
  const given = givenHeaders(mail.data.headers);
  for (const [field, option] of FIELDS) {
    if (!(mail.data as Record<string, unknown>)[option] && !given.has(field)) fields.add(field);
  }
  settleContentIds(root);
  return { fields, boundary: root.baseBoundary || null };
}

/** The names of the header fields that a message gives itself, in lower case. */
export function givenHeaders(headers: unknown): ReadonlySet<string> {
  const names = Array.isArray(headers) ? headers.map((each) => String(each?.key)) : Object.keys(headers ?? {});
  return new Set(names.map((name) => name.toLowerCase()));
}

/** As Nodemailer names images that it takes out of data URIs (`attachDataUrls`): 10 random octets. */
const RANDOM_CONTENT_ID = /<?([0-9a-f]{20})@localhost>?/;

/** Numbers them instead. They need to differ within one message only. */
function settleContentIds(root: Node): void {
  const nodes = [...everyNode(root)];
  const random = nodes.flatMap((node) => RANDOM_CONTENT_ID.exec(String(node.getHeader('Content-Id') || ''))?.[1] ?? []);
  random.forEach((id, i) => {
    const settled = `image-${i + 1}`;
    for (const node of nodes) {
      if (String(node.getHeader('Content-Id') || '').includes(id))
        node.setHeader('Content-Id', `<${settled}@localhost>`);
      if (typeof node.content === 'string') node.content = node.content.replaceAll(`cid:${id}@`, `cid:${settled}@`);
    }
  });
}

function* everyNode(node: Node): Generator<Node, void> {
  yield node;
  for (const child of node.childNodes ?? []) yield* everyNode(child);
}
