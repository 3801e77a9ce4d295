/** How the queue stands: what waits, what is wrong, who works, and what came and went. */
import * as z from 'zod';
import { problemsOf, severity } from '../queue/health.ts';
import { isSeen } from '../queue/why.ts';
import * as answers from './answers.ts';
import { type AnyRoute, route } from './api.ts';
import type { AdminParts } from './parts.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Width of a span, and how many there are. */
const SPANS = {
  hour: [MINUTE, 60],
  day: [30 * MINUTE, 48],
  week: [3 * HOUR, 56],
  month: [12 * HOUR, 60],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

function status({ overview }: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/status',
    summary: 'What waits and what is wrong, the worst first.',
    needs: 'viewer',
    answer: answers.status,
    async run() {
      const [health, lastSent] = await Promise.all([overview.health(), overview.lastSent()]);
      const problems = [...problemsOf(health)];
      return { level: answers.LEVELS[severity(problems)], problems, now: health.now, ...health.counts, lastSent };
    },
  });
}

function flow({ overview }: AdminParts): AnyRoute {
  const spans = Object.keys(SPANS) as (keyof typeof SPANS)[];
  return route({
    method: 'get',
    path: '/flow',
    summary:
      'What came and went in the last hour, day, week or month, as far as it is still kept; the last span is not over yet.',
    needs: 'viewer',
    query: z.strictObject({ span: z.enum(spans).optional().describe('Default: hour.') }),
    answer: answers.flow,
    async run({ query: { span = 'hour' } }) {
      const [widthMs, number] = SPANS[span];
      return { widthMs, spans: [...(await overview.flow(widthMs, number))] };
    },
  });
}

function nodes({ overview, clock }: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/nodes',
    summary: 'The processes that work on the database, also those that were not seen lately.',
    needs: 'viewer',
    answer: answers.nodes,
    async run() {
      const [all, held] = await Promise.all([overview.nodes(), overview.holdings()]);
      const holds = Map.groupBy(held, ({ node }) => node);
      return {
        nodes: all.map(({ place: _, gone, ...node }) => ({
          ...node,
          alive: isSeen({ ...node, gone }, clock.now()),
          holds: (holds.get(node.id) ?? []).map(({ node: _, ...held }) => held),
        })),
      };
    },
  });
}

export function statusRoutes(parts: AdminParts): readonly AnyRoute[] {
  return [status(parts), flow(parts), nodes(parts)];
}
