/** Who changed what. */
import * as z from 'zod';
import { DEEDS } from '../queue/audit.ts';
import * as answers from './answers.ts';
import { type AnyRoute, route } from './api.ts';
import type { AdminParts } from './parts.ts';
import * as schema from './schema.ts';

const LIMIT = 100;

export function auditRoutes({ audit }: AdminParts): readonly AnyRoute[] {
  return [
    route({
      method: 'get',
      path: '/audit',
      summary: 'Who changed what, by HTTP, commands and the library, and which logins were refused; the newest first.',
      needs: 'viewer',
      query: z.strictObject({
        by: schema.text(200).optional(),
        action: z.enum(DEEDS).optional(),
        after: schema.time.optional(),
        before: schema.time.optional(),
        limit: schema.whole(1, 500).optional().describe(`Default: ${LIMIT}.`),
        cursor: schema.id.optional().describe('Of the page before.'),
      }),
      answer: answers.audit,
      async run({ query: { limit = LIMIT, cursor, ...given } }) {
        const filter = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
        const { rows, cursor: next } = await audit(filter, { limit, ...(cursor !== undefined && { cursor }) });
        return { rows: [...rows], cursor: next };
      },
    }),
  ];
}
