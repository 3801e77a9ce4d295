/** What an operator does to messages: by their ids, or all that a filter finds; counted first where that is asked. */
import * as z from 'zod';
import type { State } from '../queue/delivery.ts';
import type { Manner, Operator } from '../queue/operator.ts';
import type { Filter } from '../queue/store.ts';
import { type AnyRoute, route } from './api.ts';
import type { AdminParts } from './parts.ts';
import { Refusal } from './problem.ts';
import * as schema from './schema.ts';

interface Action {
  readonly name: string;
  readonly summary: string;
  /** In which states a filter looks that names none. */
  readonly states: readonly State[];
  /** In which states a message is moved that was named by its id: whoever names it means it. */
  readonly statesById: readonly State[];
  readonly run: (operator: Operator, filter: Filter, manner: Manner) => Promise<number>;
}

const CHOICE = {
  ids: schema.ids.optional().describe('Messages; these, or a filter, or all.'),
  filter: schema.filter
    .optional()
    .describe('Never empty: a client that lost what it was to say does not mean everything.'),
  all: z.literal(true).optional().describe('All deliveries that the action fits.'),
  dryRun: z.boolean().optional().describe('Change nothing, only count.'),
  reason: schema.text().optional().describe('Why, for the audit trail.'),
};

interface Choice {
  readonly ids?: string[] | undefined;
  readonly filter?: schema.FilterInput | undefined;
  readonly all?: true | undefined;
}

const done = z.strictObject({
  count: z.int().describe('Deliveries.'),
  dryRun: z.boolean(),
  at: z.int().describe('When it was begun: with createdBefore or changedBefore no more are moved than were counted.'),
});

function chosen({ states, statesById }: Pick<Action, 'states' | 'statesById'>, { ids, filter, all }: Choice): Filter {
  if ([ids, filter, all].filter((each) => each !== undefined).length !== 1)
    throw new Refusal('OPTION_INVALID', 'Give ids, a filter, or all: true, and one of them only.');
  if (ids !== undefined) return { ids, states: statesById };
  const asked = schema.filterOf(filter ?? {});
  if (all === undefined && Object.keys(asked).length === 0)
    throw new Refusal('OPTION_INVALID', 'The filter is empty: for everything there is { "all": true }.');
  return { states, ...asked };
}

function actionRoute({ operator, clock }: AdminParts, action: Action): AnyRoute {
  return route({
    method: 'post',
    path: `/messages/${action.name}`,
    summary: action.summary,
    needs: 'operator',
    body: z.strictObject(CHOICE),
    answer: done,
    audit: action.name,
    async run({ body, who, peer }) {
      const { dryRun = false, reason } = body;
      const at = clock.now();
      const count = await action.run(operator(who, peer), chosen(action, body), { dryRun, reason });
      return { count, dryRun, at };
    },
  });
}

function rerouteRoute({ operator, relayNames, clock }: AdminParts): AnyRoute {
  const waiting = ['queued', 'held'] as const;
  return route({
    method: 'post',
    path: '/messages/reroute',
    summary:
      'Give deliveries that wait or are held to another relay; those in doubt only where the filter says inDoubt.',
    needs: 'operator',
    body: z.strictObject({ ...CHOICE, to: schema.text() }),
    answer: done,
    audit: 'reroute',
    async run({ body: { to, ...choice }, who, peer }) {
      const names = await relayNames();
      if (!names.includes(to))
        throw new Refusal('NOT_FOUND', `There is no relay ${JSON.stringify(to)}, only ${names.join(', ')}.`);
      const { dryRun = false, reason } = choice;
      const at = clock.now();
      const filter = chosen({ states: waiting, statesById: waiting }, choice);
      return { count: await operator(who, peer).reroute(filter, to, { dryRun, reason }), dryRun, at };
    },
  });
}

export function actionRoutes(parts: AdminParts): readonly AnyRoute[] {
  const actions: readonly Action[] = [
    {
      name: 'retry',
      summary: 'Try deliveries at once that wait; by id or state also those that were given up, captured or cancelled.',
      states: ['queued'],
      statesById: ['queued', 'captured', 'bounced', 'cancelled'],
      run: (operator, filter, manner) => operator.retry(filter, manner),
    },
    {
      name: 'hold',
      summary: 'Stop deliveries that wait until they are released.',
      states: ['queued'],
      statesById: ['queued'],
      run: (operator, filter, manner) => operator.hold(filter, manner),
    },
    {
      name: 'release',
      summary: 'Let deliveries go on that were held; they are due at once.',
      states: ['held'],
      statesById: ['held'],
      run: (operator, filter, manner) => operator.release(filter, manner),
    },
    {
      name: 'cancel',
      summary:
        'Take deliveries out of the queue without sending them and without a report; retry by id brings them back.',
      states: ['queued', 'held'],
      statesById: ['queued', 'held', 'captured'],
      run: (operator, filter, manner) => operator.cancel(filter, manner),
    },
  ];
  return [...actions.map((action) => actionRoute(parts, action)), rerouteRoute(parts)];
}
