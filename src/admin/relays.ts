/** The relays: what the settings say of them, how they stand, and stopping them. */
import * as z from 'zod';
import { type Health, longVainOf } from '../queue/health.ts';
import type { RelayState } from '../queue/relay-store.ts';
import { standingOf } from '../queue/standing.ts';
import { replyView } from '../queue/view.ts';
import * as answers from './answers.ts';
import { type AnyRoute, route } from './api.ts';
import type { AdminParts, RelaySetting } from './parts.ts';
import { notFound } from './problem.ts';
import * as schema from './schema.ts';

const byName = z.strictObject({ name: schema.text() });

function view(name: string, setting: RelaySetting | undefined, state: RelayState | undefined, health: Health) {
  const pace = state?.pace ?? null;
  return {
    name,
    standing: standingOf(state, health),
    known: setting !== undefined,
    url: setting?.url ?? null,
    connections: setting?.connections ?? null,
    rates: (setting?.rates ?? []).map(({ limit, window }) => ({ limit, windowMs: window })),
    fallback: [...(setting?.fallback ?? [])],
    pausedAt: state?.pausedAt ?? null,
    pausedBy: state?.pausedBy ?? null,
    faults: state?.faults ?? 0,
    faultSince: state?.faultSince ?? null,
    probeAt: state?.probeAt ?? null,
    lastFault: replyView(state?.lastFault ?? null),
    lastSentAt: state?.sentAt ?? null,
    deferring: deferringView(name, health),
    limitedUntil: state?.limitedUntil ?? null,
    pace: pace === null ? null : { ...paceView(pace) },
  };
}

function deferringView(relay: string, health: Health) {
  const vain = longVainOf(relay, health);
  return vain === undefined ? null : { since: vain.since, reply: replyView(vain.reply) };
}

function paceView({ connections, restUntil, slowedAt, reply }: NonNullable<RelayState['pace']>) {
  return { connections, restUntil, slowedAt, reply: replyView(reply) };
}

function all({ relays, relayNames, overview }: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/relays',
    summary: 'All relays of the settings, and those of which the queue has something to tell.',
    needs: 'viewer',
    answer: answers.relays,
    async run() {
      const [health, names] = await Promise.all([overview.health(), relayNames()]);
      const settings = new Map(relays.map((setting) => [setting.name, setting]));
      const states = new Map(health.relays.map((state) => [state.relay, state]));
      return { relays: names.map((name) => view(name, settings.get(name), states.get(name), health)) };
    },
  });
}

function switchRoute(parts: AdminParts, name: 'pause' | 'resume', summary: string): AnyRoute {
  return route({
    method: 'post',
    path: `/relays/{name}/${name}`,
    summary,
    needs: 'operator',
    params: byName,
    body: z.strictObject({ reason: schema.text().optional().describe('Why, for the audit trail.') }),
    answer: z.strictObject({ name: z.string() }),
    audit: name,
    async run({ params, body, who, peer }) {
      if (!(await parts.relayNames()).includes(params.name)) throw notFound(`relay ${JSON.stringify(params.name)}`);
      const operator = parts.operator(who, peer);
      if (name === 'pause') await operator.pauseRelay(params.name, body);
      else await operator.resumeRelay(params.name, body);
      return { name: params.name };
    },
  });
}

export function relayRoutes(parts: AdminParts): readonly AnyRoute[] {
  return [
    all(parts),
    switchRoute(parts, 'pause', 'Send nothing to a relay until it is resumed.'),
    switchRoute(parts, 'resume', 'Let a relay go on; its faults and its pace are forgotten.'),
  ];
}
