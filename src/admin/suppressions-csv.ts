/** The list of suppressions as CSV, in and out, of any length: never whole in memory. */
import * as z from 'zod';
import { PosthasteError } from '../errors.ts';
import { suppressionsAsCsv } from '../queue/suppression-csv.ts';
import * as answers from './answers.ts';
import { type AnyRoute, mediaType, route } from './api.ts';
import { bounded } from './guard.ts';
import type { AdminParts } from './parts.ts';
import { Refusal } from './problem.ts';
import * as schema from './schema.ts';

const TYPE = 'text/csv';

const HEADERS = {
  'content-type': `${TYPE}; charset=utf-8; header=present`,
  'content-disposition': 'attachment; filename="suppressions.csv"',
};

function exportRoute({ queue }: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/suppressions.csv',
    summary: 'All entries as CSV (RFC 4180), as /suppressions/import reads them.',
    needs: 'viewer',
    gives: TYPE,
    run({ request }) {
      if (request.method === 'HEAD') return new Response(null, { headers: HEADERS });
      const pieces = suppressionsAsCsv(queue.suppressions());
      const body = ReadableStream.from(pieces).pipeThrough(new TextEncoderStream());
      return new Response(body as ReadableStream, { headers: HEADERS });
    },
  });
}

function importRoute({ operator, clock }: AdminParts): AnyRoute {
  return route({
    method: 'post',
    path: '/suppressions/import',
    summary:
      'Add the entries of a CSV file with a header: target (or email, address), reason, since, until, note. Lines that are no entries are named and left out.',
    needs: 'operator',
    query: z.strictObject({ dryRun: schema.flag.optional().describe('Change nothing, only count.') }),
    streams: [TYPE],
    answer: answers.suppressionImport,
    audit: 'suppress import',
    async run({ query: { dryRun = false }, request, who, peer }) {
      if (mediaType(request) !== TYPE)
        throw new Refusal('OPTION_INVALID', `The body must be CSV: say content-type ${TYPE}.`, { status: 415 });
      let kept = 0;
      const progress = (count: number): void => {
        kept = count;
      };
      try {
        const chunks = bounded(request, Number.POSITIVE_INFINITY);
        const options = { source: 'the list', now: clock.now(), progress, dryRun };
        const read = await operator(who, peer).importSuppressions(chunks, options);
        return { ...read, faults: [...read.faults], dryRun };
      } catch (error) {
        throw kept === 0 || dryRun ? error : brokenOff(error, kept);
      }
    },
  });
}

/** An entry that is there is replaced, so that nothing is lost by sending all of it again. */
function brokenOff(error: unknown, kept: number): unknown {
  if (!(error instanceof PosthasteError)) return error;
  const text = `${error.message} The first ${kept} entries of the list were kept: send the whole of it again.`;
  return new PosthasteError(error.code, text, { cause: error });
}

export function suppressionCsvRoutes(parts: AdminParts): readonly AnyRoute[] {
  return [exportRoute(parts), importRoute(parts)];
}
