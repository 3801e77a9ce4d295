/** A message's content as people read it: its header, its bodies, its attachments; in bounds, whatever it is made of. */
import { Worker } from 'node:worker_threads';
import type { Attachment, Email } from 'postal-mime';
import { Turnstile } from '../runtime/turnstile.ts';

/** Contents larger than this are not taken apart, octets. */
const HEADERS_ONLY_BEYOND = 10_000_000;
/** Of a header alone, octets. */
const MAX_HEADER = 1_000_000;
/** A message that takes longer is shown by its header, ms. */
const PATIENCE = 10_000;
const MEMORY = { maxOldGenerationSizeMb: 512 };
/** Threads at one time. */
const turnstile = new Turnstile(2);
/** Inline images, octets of all: they go into the HTML itself. */
const MAX_INLINE = 5_000_000;
/** Characters that images add to the HTML. */
const MAX_SHOWN = 20_000_000;

export interface Content {
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly text: string | null;
  readonly html: string | null;
  readonly attachments: readonly Attachment[];
  /** It is too large, or too strange, to be taken apart: the header is all. */
  readonly partial: boolean;
}

/** Never fails: what cannot be read has no parts. */
export async function contentOf(chunks: AsyncIterable<Uint8Array>): Promise<Content> {
  const { bytes, whole } = await readUpTo(chunks, HEADERS_ONLY_BEYOND);
  const email = whole ? await parse(bytes) : undefined;
  if (email !== undefined)
    return { ...bodiesOf(email), headers: headersOf(email), attachments: email.attachments, partial: false };
  const header = await parse(headerBlock(bytes));
  return {
    headers: header === undefined ? [] : headersOf(header),
    text: null,
    html: null,
    attachments: [],
    partial: true,
  };
}

/** undefined where it is beyond the bounds: too deep, too long, too much memory. */
function parse(bytes: Uint8Array): Promise<Email | undefined> {
  return turnstile.pass(
    () =>
      new Promise((resolve) => {
        const file = new URL(`./parse-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
        const thread = new Worker(file, { workerData: bytes, resourceLimits: MEMORY, execArgv: [] });
        const timer = setTimeout(() => void thread.terminate(), PATIENCE);
        let email: Email | undefined;
        thread.on('message', (parsed: Email | null) => {
          email = parsed ?? undefined;
        });
        thread.on('error', () => undefined);
        thread.on('exit', () => {
          clearTimeout(timer);
          resolve(email);
        });
      }),
  );
}

async function readUpTo(
  chunks: AsyncIterable<Uint8Array>,
  most: number,
): Promise<{ readonly bytes: Uint8Array; readonly whole: boolean }> {
  const parts: Uint8Array[] = [];
  let octets = 0;
  for await (const chunk of chunks) {
    octets += chunk.length;
    if (octets > most) return { bytes: Buffer.concat([...parts, chunk]).subarray(0, most), whole: false };
    parts.push(chunk);
  }
  return { bytes: Buffer.concat(parts), whole: true };
}

function headerBlock(bytes: Uint8Array): Uint8Array {
  const end = Buffer.from(bytes).indexOf('\r\n\r\n');
  return bytes.subarray(0, Math.min(end < 0 ? bytes.length : end + 4, MAX_HEADER));
}

function headersOf(email: Email): Content['headers'] {
  return email.headers.map(({ originalKey, value }) => ({ name: originalKey, value }));
}

function bodiesOf({ text, html }: Email): Pick<Content, 'text' | 'html'> {
  return { text: text ?? null, html: html ?? null };
}

export function octetsOf({ content }: Attachment): Uint8Array {
  if (typeof content === 'string') return Buffer.from(content);
  return content instanceof Uint8Array ? content : new Uint8Array(content);
}

/** The HTML with its inline images in it: a frame without an origin can load nothing from here. */
export function withInlineImages(html: string, attachments: readonly Attachment[]): string {
  const images = inlineImages(attachments);
  // One that is shown again and again stands there as often.
  let room = MAX_SHOWN;
  return html.replace(/\bcid:([^\s"'<>)]{1,255})/gi, (all, name: string) => {
    const image = images.get(name) ?? images.get(decoded(name));
    room -= image?.length ?? 0;
    return image === undefined || room < 0 ? all : image;
  });
}

/**
 * Without the elements for which browsers open connections before they ask the policy whether they may (`<link rel=preconnect>`, frames);
 * it would let none of them through.
 */
export function withoutConnections(html: string): string {
  return html.replace(/<(\/?)(link|i?frame|object|embed)(?=[\s/>])/gi, '<$1x-$2');
}

/** A link in a frame would lead the frame there, which the page forbids: it opens a window instead. The first base counts. */
export function linksInWindows(html: string): string {
  return html.replace(/^(\s*<!doctype[^>]*>)?/i, '$1<base target="_blank">');
}

/** As URLs, by their content ids. */
function inlineImages(attachments: readonly Attachment[]): ReadonlyMap<string, string> {
  const images = new Map<string, string>();
  let octets = 0;
  for (const attachment of attachments) {
    const name = attachment.contentId?.replace(/^<|>$/g, '');
    if (name === undefined || !/^image\/(?:png|jpeg|gif|webp|avif|bmp)$/.test(attachment.mimeType)) continue;
    const bytes = octetsOf(attachment);
    octets += bytes.length;
    if (octets > MAX_INLINE) break;
    images.set(name, `data:${attachment.mimeType};base64,${Buffer.from(bytes).toString('base64')}`);
  }
  return images;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
