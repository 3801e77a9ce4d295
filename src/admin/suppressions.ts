/** Whom nothing is sent to. */
import * as z from 'zod';
import * as answers from './answers.ts';
import { type AnyRoute, route } from './api.ts';
import type { AdminParts } from './parts.ts';
import * as schema from './schema.ts';

const LIMIT = 100;
/** Entries in one request. */
const MOST = 5_000;

const newEntry = z.strictObject({
  target: schema.text(),
  reason: schema.text().optional().describe('Default: asked.'),
  since: schema.time.optional(),
  until: schema.time.nullable().optional(),
  note: schema.text().nullable().optional(),
});

export function suppressionRoutes({ queue, operator, overview }: AdminParts): readonly AnyRoute[] {
  return [
    route({
      method: 'get',
      path: '/suppressions',
      summary: 'The list in the order of its targets, also entries whose time is over.',
      needs: 'viewer',
      query: z.strictObject({
        search: schema.text(320).optional().describe('A part of the target; case does not count.'),
        limit: schema.whole(1, 1_000).optional(),
        cursor: schema.text(400).optional(),
      }),
      answer: answers.suppressions,
      async run({ query: { limit = LIMIT, cursor, search } }) {
        const { rows, cursor: next } = await overview.suppressions({
          limit,
          ...(cursor !== undefined && { cursor }),
          ...(search !== undefined && { search }),
        });
        return { rows: [...rows], cursor: next };
      },
    }),
    route({
      method: 'get',
      path: '/suppressions/lookup',
      summary: 'What keeps mail from an address now: the entry for it or for its domain, or null.',
      needs: 'viewer',
      query: z.strictObject({ address: schema.text() }),
      answer: answers.suppressing,
      run: async ({ query }) => ({ entry: await queue.suppression(query.address) }),
    }),
    route({
      method: 'post',
      path: '/suppressions',
      summary: 'Add entries; one that is there is replaced. None is kept if one is wrong.',
      needs: 'operator',
      body: z.strictObject({ entries: z.array(newEntry).min(1).max(MOST) }),
      answer: z.strictObject({ count: z.int() }),
      audit: 'suppress',
      async run({ body, who, peer }) {
        await operator(who, peer).suppress(body.entries);
        return { count: body.entries.length };
      },
    }),
    route({
      method: 'post',
      path: '/suppressions/remove',
      summary: 'Take targets out of the list; what ended because of them stays ended.',
      needs: 'operator',
      body: z.strictObject({ targets: z.array(schema.text()).min(1).max(MOST) }),
      answer: z.strictObject({ count: z.int().describe('How many were in it.') }),
      audit: 'unsuppress',
      run: async ({ body, who, peer }) => ({ count: await operator(who, peer).unsuppress(body.targets) }),
    }),
  ];
}
