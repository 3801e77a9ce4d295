/** The way in over HTTP: a message in JSON, or whole as message/rfc822. */
import { Readable } from 'node:stream';
import * as z from 'zod';
import { type AnyRoute, mediaType, route } from './api.ts';
import { bounded } from './guard.ts';
import { type MailOptions, mail } from './mail-schema.ts';
import type { AdminParts, Kept } from './parts.ts';
import { notFound, Refusal } from './problem.ts';
import * as schema from './schema.ts';

/** Octets of a message in JSON, which stands in memory several times; larger ones come as message/rfc822. */
const MAX_JSON = 20_000_000;
const MAX_KEY = 255;
/** As in a message in JSON, and octets of that many. */
const MAX_RECIPIENTS = 10_000;
const MAX_RESEND = 4_000_000;

const sender = schema.text(320);

const kept = z.strictObject({
  id: schema.id,
  duplicate: z.boolean().describe('A message with this Idempotency-Key was there before; id is that one.'),
  messageId: z.string(),
  accepted: z.array(z.string()),
  rejected: z.array(z.string()).describe('Suppressed recipients: they get nothing.'),
});

export function submitRoutes(parts: AdminParts): readonly AnyRoute[] {
  return [compose(parts), raw(parts), resend(parts)];
}

function compose(parts: AdminParts): AnyRoute {
  return route({
    method: 'post',
    path: '/messages',
    summary:
      'Submit a message. With the header Idempotency-Key the same call again answers with the first message, and another one with 409.',
    needs: 'operator',
    body: mail,
    maxBody: MAX_JSON,
    answer: kept,
    async run({ body: { options = {}, attachments, ...given }, request }) {
      const files = attachments?.map(({ content, ...rest }) => ({
        ...rest,
        content: Buffer.from(content, 'base64'),
      }));
      const mailed = { ...given, ...(files !== undefined && { attachments: files }) };
      return answerOf(await parts.submit(mailed, { ...options, ...keyOf(request) }));
    },
  });
}

function raw(parts: AdminParts): AnyRoute {
  return route({
    method: 'post',
    path: '/messages/raw',
    summary:
      'Submit a whole message, header and body as they are to be sent. Idempotency-Key as with /messages. Of recipients it takes what a URL has room for, 16 kB.',
    needs: 'operator',
    query: z.strictObject({
      from: sender.describe('The sender of the envelope; <> for none.'),
      to: schema.list(schema.text(320)),
    }),
    streams: ['message/rfc822'],
    answer: kept,
    async run({ query: { from, to }, request }) {
      if (mediaType(request) !== 'message/rfc822')
        throw new Refusal('OPTION_INVALID', 'The body must be a message: say content-type message/rfc822.', {
          status: 415,
        });
      const raw = Readable.from(bounded(request, parts.maxMessageSize));
      return answerOf(await parts.submit({ raw, envelope: envelopeOf(from, to) }, keyOf(request)));
    },
  });
}

function resend(parts: AdminParts): AnyRoute {
  return route({
    method: 'post',
    path: '/messages/{id}/resend',
    summary:
      'Submit the content of a message once more, byte by byte, as a new message with an envelope of its own. Idempotency-Key as with /messages.',
    needs: 'operator',
    params: z.strictObject({ id: schema.id }),
    body: z.strictObject({
      from: sender.optional().describe('The sender of the envelope; <> for none. Default: that of the message.'),
      to: z.array(schema.text(320)).min(1).max(MAX_RECIPIENTS),
    }),
    maxBody: MAX_RESEND,
    answer: kept,
    async run({ params: { id }, body: { from, to }, request }) {
      const { message, contentKept } = (await parts.queue.get(id)) ?? {};
      if (message === undefined) throw notFound(`message ${id}`);
      if (contentKept !== true) throw notFound(`content of ${id}: it was not kept`);
      const content = Readable.from(parts.queue.content(id));
      const envelope = envelopeOf(from ?? message.sender ?? '', to);
      return answerOf(await parts.submit({ raw: content, envelope }, keyOf(request)));
    },
  });
}

function envelopeOf(from: string, to: readonly string[]): { readonly from: string; readonly to: readonly string[] } {
  return { from: from === '<>' ? '' : from, to: to.map((each) => each.trim()) };
}

function answerOf({ id, duplicate, messageId, accepted, rejected }: Kept): Response {
  const body = { id, duplicate, messageId, accepted, rejected };
  return Response.json(body, { status: duplicate ? 200 : 201 });
}

/** As in draft-ietf-httpapi-idempotency-key-header, whose quotes nobody writes. */
function keyOf(request: Request): Pick<MailOptions, 'key'> {
  const key = request.headers.get('idempotency-key')?.replace(/^"(.*)"$/, '$1');
  if (key === undefined) return {};
  if (key.length >= 1 && key.length <= MAX_KEY) return { key };
  throw new Refusal('OPTION_INVALID', `The Idempotency-Key must have 1 to ${MAX_KEY} characters.`);
}
