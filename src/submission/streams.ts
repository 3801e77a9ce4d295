/** Streams among the contents of a message that an application gives. */
import type { EventEmitter } from 'node:events';

/** Where Nodemailer takes contents from; each may be a stream, or hold one as its `content` or `raw`. */
const CONTENTS = ['text', 'html', 'watchHtml', 'amp', 'raw', 'icalEvent', 'attachments', 'alternatives'] as const;

/**
 * A stream may fail before anybody reads it, and would end the process then: who reads it is told of its failure later, and who never
 * does need not know.
 */
export function expectFailures(mail: object): void {
  for (const stream of streamsIn(mail)) stream.on('error', () => undefined);
}

/** Nobody reads them any more: files and sockets behind them are closed. */
export function releaseStreams(mail: object): void {
  for (const stream of streamsIn(mail)) {
    stream.on('error', () => undefined);
    stream.destroy?.();
  }
}

/** Streams of old packages cannot be destroyed. */
type Stream = EventEmitter & { readonly destroy?: () => unknown };

function streamsIn(mail: object): readonly Stream[] {
  const given = mail as Readonly<Record<string, unknown>>;
  return CONTENTS.flatMap((name) => given[name]).flatMap((part) => {
    const { content, raw } = (part ?? {}) as { readonly content?: unknown; readonly raw?: unknown };
    return [part, content, raw].filter(isStream);
  });
}

function isStream(value: unknown): value is Stream {
  const { pipe, on } = (value ?? {}) as { readonly pipe?: unknown; readonly on?: unknown };
  return typeof pipe === 'function' && typeof on === 'function';
}
