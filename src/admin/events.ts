/** What happens in the queue, as server-sent events (WHATWG HTML 9.2): each with an id, from which a client that was away goes on. */
import * as z from 'zod';
import type { Clock } from '../runtime/clock.ts';
import { type AnyRoute, route } from './api.ts';
import type { AdminParts, StreamEvent, StreamFeed } from './parts.ts';
import { Refusal } from './problem.ts';
import * as schema from './schema.ts';

/** Between two signs of life, ms: who has gone is noticed, and proxies keep the connection. */
const HEARTBEAT = 15_000;
/** A stream ends after this, ms, and the client comes back: so that a login that has ended is asked for again. */
const LIFE = 60 * 60_000;
/** At one time: each looks at the database four times a second. */
const MOST = 50;
/** So long a browser waits before it comes back, ms. */
const RETRY = 2_000;

/** No proxy is to keep them back. */
const HEADERS = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' };

const encoder = new TextEncoder();

export function eventRoutes({ events, clock }: AdminParts): readonly AnyRoute[] {
  let open = 0;
  return [
    route({
      method: 'get',
      path: '/events',
      summary:
        'A stream of server-sent events: submitted, sent, captured, deferred, inDoubt, held, bounced, suppressed, cancelled with the delivery, and relay. Goes on after Last-Event-ID; events of the last seconds before it may come again. `position` comes first, and every 15 s in which nothing happens, with nothing but an id.',
      needs: 'viewer',
      query: z.strictObject({
        after: schema.time.optional().describe('In place of Last-Event-ID: a time. Default: from now on.'),
      }),
      gives: 'text/event-stream',
      run({ query, request }) {
        // Nobody would read what it opens.
        if (request.method === 'HEAD') return new Response(null, { headers: HEADERS });
        const after = lastId(request) ?? query.after ?? null;
        if (open >= MOST) throw new Refusal('TOO_MANY_TRIES', `There are ${MOST} streams already.`, { status: 503 });
        open++;
        const ended = new AbortController();
        ended.signal.addEventListener('abort', () => open--, { once: true });
        request.signal.addEventListener('abort', () => ended.abort(), { once: true });
        // It may be over already; then nobody would tell.
        if (request.signal.aborted) ended.abort();
        return new Response(streamOf(events(after, ended.signal), ended, clock), { headers: HEADERS });
      },
    }),
  ];
}

function lastId(request: Request): number | undefined {
  const id = request.headers.get('last-event-id');
  if (id === null || id === '') return undefined;
  if (/^\d{1,15}$/.test(id)) return Number(id);
  throw new Refusal('OPTION_INVALID', 'The Last-Event-ID is none that an event here had.');
}

/** Reads on only as fast as the client does. Its signs of life say how far it is, so that who loses it in a quiet time misses nothing. */
function streamOf({ events, position }: StreamFeed, ended: AbortController, clock: Clock): ReadableStream<Uint8Array> {
  const until = clock.now() + LIFE;
  const here = (): string => textOf({ id: String(position()), type: 'position', data: {} });
  let next: Promise<IteratorResult<StreamEvent, void>> | undefined;
  return new ReadableStream(
    {
      start: (controller) => controller.enqueue(encoder.encode(`retry: ${RETRY}\n${here()}`)),
      async pull(controller) {
        next ??= events.next();
        const result = clock.now() < until ? await within(next, clock) : { done: true as const };
        if (result === undefined) return controller.enqueue(encoder.encode(here()));
        next = undefined;
        if (result.done !== true) return controller.enqueue(encoder.encode(textOf(result.value)));
        ended.abort();
        controller.close();
      },
      cancel: () => ended.abort(),
    },
    { highWaterMark: 1 },
  );
}

/** undefined: nothing came in time for a sign of life. */
function within<T>(next: Promise<T>, clock: Clock): Promise<T | undefined> {
  let cancel: (() => void) | undefined;
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(HEARTBEAT, () => resolve(undefined));
  });
  return Promise.race([next, late]).finally(() => cancel?.());
}

/** JSON has no line breaks, and so no event can be forged in another. */
function textOf({ id, type, data }: StreamEvent): string {
  return `${id === null ? '' : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
