/** Looking at messages: lists, one with all that is known of it, its content. */
import * as z from 'zod';
import type { Found } from '../queue/store.ts';
import { attemptView, deliveryView, listedView } from '../queue/view.ts';
import * as answers from './answers.ts';
import { type AnyRoute, route } from './api.ts';
import { type Content, contentOf, linksInWindows, octetsOf, withInlineImages, withoutConnections } from './content.ts';
import type { AdminParts } from './parts.ts';
import { notFound } from './problem.ts';
import * as schema from './schema.ts';
import { timelineOf } from './timeline.ts';

const LIMIT = 100;

const byId = z.strictObject({ id: schema.id });
const byPart = z.strictObject({ id: schema.id, part: schema.whole(0, 9_999) });

export function messageRoutes(parts: AdminParts): readonly AnyRoute[] {
  return [list(parts), count(parts), one(parts), content(parts), html(parts), attachment(parts), raw(parts)];
}

function list({ overview, prospect }: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/messages',
    summary:
      'Deliveries, one for each recipient of a message, the newest message first. A page looks through 20,000 at most: where few fit it has few rows, or none, and still a cursor.',
    needs: 'viewer',
    query: schema.filterWithPage,
    answer: schema.page(schema.listed),
    async run({ query: { limit = LIMIT, cursor, order = 'newest', ...filter } }) {
      const page = { limit, order, ...(cursor !== undefined && { cursor }) };
      const [found, outlook] = await Promise.all([overview.search(schema.filterOf(filter), page), prospect()]);
      return {
        rows: found.rows.map((row) => {
          const view = listedView(row, outlook.next(row));
          return { ...view, tags: [...view.tags] };
        }),
        cursor: found.cursor,
      };
    },
  });
}

function count({ overview }: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/messages/count',
    summary: 'How many deliveries a filter finds.',
    needs: 'viewer',
    query: schema.filter,
    answer: z.strictObject({ count: z.int() }),
    run: async ({ query }) => ({ count: await overview.count(schema.filterOf(query)) }),
  });
}

async function find({ queue }: AdminParts, id: string): Promise<Found> {
  const found = await queue.get(id);
  if (found === null) throw notFound(`message ${id}`);
  return found;
}

function one(parts: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/messages/{id}',
    summary: 'A message with its recipients, attempts and timeline.',
    needs: 'viewer',
    params: byId,
    answer: answers.found,
    async run({ params }) {
      const [found, outlook] = await Promise.all([find(parts, params.id), parts.prospect()]);
      const { message, deliveries, attempts, contentKept } = found;
      return {
        message: { ...message, tags: [...message.tags], metadata: { ...message.metadata } },
        deliveries: deliveries.map((each) => ({
          ...deliveryView(each, outlook.next(each)),
          why: outlook.why(each),
        })),
        attempts: attempts.map(attemptView),
        timeline: [...timelineOf(found)],
        contentKept,
      };
    },
  });
}

async function readContent(parts: AdminParts, id: string): Promise<Content> {
  const { contentKept } = await find(parts, id);
  if (!contentKept) throw notFound(`content of ${id}: it was not kept`);
  return contentOf(parts.queue.content(id));
}

function content(parts: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/messages/{id}/content',
    summary: 'The header, the text and the HTML of a message, and what is attached to it.',
    needs: 'viewer',
    params: byId,
    answer: answers.content,
    async run({ params }) {
      const { headers, attachments, ...rest } = await readContent(parts, params.id);
      return {
        ...rest,
        headers: [...headers],
        attachments: attachments.map((each, part) => ({
          part,
          filename: each.filename,
          type: each.mimeType,
          size: octetsOf(each).length,
          inline: each.disposition === 'inline' || each.related === true,
        })),
      };
    },
  });
}

/** It has no origin, runs nothing, sends nothing, and loads nothing from elsewhere but images, and those only when asked. */
function framePolicy(remote: boolean): string {
  const images = remote ? 'img-src data: https: http:' : 'img-src data:';
  return `sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; ${images}; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`;
}

function html(parts: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/messages/{id}/html',
    summary:
      'The HTML of a message under a policy that runs nothing and loads nothing remote unless asked, for a sandboxed frame.',
    needs: 'viewer',
    params: byId,
    query: z.strictObject({
      remote: schema.flag
        .optional()
        .describe('Let images come from elsewhere: their servers learn that somebody looks.'),
    }),
    gives: 'text/html',
    async run({ params, query }) {
      const { html: text, attachments } = await readContent(parts, params.id);
      if (text === null) throw notFound(`HTML in ${params.id}`);
      return new Response(linksInWindows(withoutConnections(withInlineImages(text, attachments))), {
        headers: {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': framePolicy(query.remote === true),
          'x-frame-options': 'SAMEORIGIN',
        },
      });
    },
  });
}

/** Nothing of it may be shown by the browser itself: it is a file. */
function download(body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>, type: string, name: string): Response {
  const plain = name.replace(/[^\w.@ -]+/g, '_').slice(-100);
  const disposition = `attachment; filename="${plain}"; filename*=UTF-8''${encodeName(name)}`;
  return new Response(body, {
    headers: {
      'content-type': type,
      'content-disposition': disposition,
      'content-security-policy': "sandbox; default-src 'none'",
    },
  });
}

/** RFC 8187. */
function encodeName(name: string): string {
  const short = [...name.toWellFormed()].slice(-100).join('');
  return encodeURIComponent(short).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function attachment(parts: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/messages/{id}/attachments/{part}',
    summary: 'One attachment, as a file.',
    needs: 'viewer',
    params: byPart,
    gives: 'application/octet-stream',
    async run({ params }) {
      const found = (await readContent(parts, params.id)).attachments[params.part];
      if (found === undefined) throw notFound(`attachment ${params.part} in ${params.id}`);
      const type = /^[\w.+-]{1,64}\/[\w.+-]{1,64}$/.test(found.mimeType) ? found.mimeType : 'application/octet-stream';
      return download(new Uint8Array(octetsOf(found)), type, found.filename ?? `attachment-${params.part}`);
    },
  });
}

function raw(parts: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/messages/{id}/raw',
    summary: 'The octets of a message, as they are sent.',
    needs: 'viewer',
    params: byId,
    gives: 'message/rfc822',
    async run({ params }) {
      const { contentKept } = await find(parts, params.id);
      if (!contentKept) throw notFound(`content of ${params.id}: it was not kept`);
      const stream = ReadableStream.from(parts.queue.content(params.id)) as ReadableStream<Uint8Array>;
      return download(stream, 'message/rfc822', `${params.id}.eml`);
    },
  });
}
