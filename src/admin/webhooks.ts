/** Webhooks: how each stands, what waits for it and what it was not told, and sending that again. */
import * as z from 'zod';
import type { WebhookCounts, WebhookState, WebhookStore } from '../queue/webhook.ts';
import type { Instant } from '../runtime/clock.ts';
import * as answers from './answers.ts';
import { type AnyRoute, route } from './api.ts';
import type { AdminParts } from './parts.ts';
import { notFound } from './problem.ts';
import * as schema from './schema.ts';

const LIMIT = 100;

const byName = z.strictObject({ name: schema.text(63) });

function standingOf(state: WebhookState | undefined): (typeof answers.WEBHOOK_STANDINGS)[number] {
  if (state === undefined) return 'idle';
  if (state.disabledAt !== null) return 'disabled';
  return state.failures > 0 ? 'failing' : 'well';
}

interface Known {
  readonly url: string | null;
  readonly state: WebhookState | undefined;
  readonly counts: WebhookCounts | undefined;
  readonly nextTryAt: Instant | null;
}

function view(name: string, { url, state, counts, nextTryAt }: Known) {
  return {
    name,
    standing: standingOf(state),
    known: url !== null,
    url,
    events: [...(state?.events ?? [])],
    waiting: counts?.waiting ?? 0,
    failed: counts?.failed ?? 0,
    oldestWaiting: counts?.oldestWaiting ?? null,
    failures: state?.failures ?? 0,
    failingSince: state?.failingSince ?? null,
    restUntil: state?.restUntil ?? null,
    nextTryAt,
    disabledAt: state?.disabledAt ?? null,
    lastSentAt: state?.lastSentAt ?? null,
    lastFailure: state?.lastFailure ?? null,
  };
}

/** Of one that fails: when it gets something again; null: nothing waits for it, or nothing is posted to it. */
async function nextTryOf(store: WebhookStore, state: WebhookState | undefined): Promise<Instant | null> {
  if (state === undefined || standingOf(state) !== 'failing') return null;
  const [next] = await store.dueWebhookEvents(state.name, Number.MAX_SAFE_INTEGER, 1);
  return next === undefined ? null : Math.max(next.dueAt, state.restUntil ?? 0);
}

function all({ webhooks, webhookStore }: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/webhooks',
    summary: 'All webhooks of the settings, and those that other processes know.',
    needs: 'viewer',
    answer: answers.webhooks,
    async run() {
      const [states, counts] = await Promise.all([webhookStore.webhooks(), webhookStore.webhookCounts()]);
      const urls = new Map(webhooks.map(({ name, url }) => [name, url]));
      const names = new Set([...urls.keys(), ...states.map(({ name }) => name)]);
      const found = [...names].toSorted().map(async (name) => {
        const state = states.find((each) => each.name === name);
        return view(name, {
          url: urls.get(name) ?? null,
          state,
          counts: counts.find((each) => each.webhook === name),
          nextTryAt: await nextTryOf(webhookStore, state),
        });
      });
      return { webhooks: await Promise.all(found) };
    },
  });
}

async function mustExist({ webhooks, webhookStore }: AdminParts, name: string): Promise<void> {
  if (webhooks.some((each) => each.name === name)) return;
  if ((await webhookStore.webhooks()).some((each) => each.name === name)) return;
  throw notFound(`webhook ${JSON.stringify(name)}`);
}

function deliveries(parts: AdminParts): AnyRoute {
  return route({
    method: 'get',
    path: '/webhooks/{name}/deliveries',
    summary:
      'Events that a webhook was not told in time, or that wait for it; the oldest first. What was told is forgotten.',
    needs: 'viewer',
    params: byName,
    query: z.strictObject({
      state: z.enum(['failed', 'waiting']).optional().describe('Default: failed.'),
      limit: schema.whole(1, 500).optional().describe(`Default: ${LIMIT}.`),
      cursor: schema.id.optional().describe('Of the page before.'),
    }),
    answer: answers.webhookDeliveries,
    async run({ params: { name }, query: { state = 'failed', limit = LIMIT, cursor } }) {
      await mustExist(parts, name);
      const page = { limit, ...(cursor !== undefined && { cursor }) };
      const { rows, cursor: next } = await parts.webhookStore.webhookEvents(name, state, page);
      return { rows: rows.map(({ webhook: _, ...rest }) => rest), cursor: next };
    },
  });
}

function resend(parts: AdminParts): AnyRoute {
  return route({
    method: 'post',
    path: '/webhooks/{name}/resend',
    summary: 'Post events again that failed, all or by id; what waits is due at once.',
    needs: 'operator',
    params: byName,
    body: z.strictObject({ ids: schema.ids.optional().describe('Default: all that failed.') }),
    answer: z.strictObject({ count: z.int() }),
    audit: 'webhook resend',
    async run({ params: { name }, body: { ids }, who, peer }) {
      await mustExist(parts, name);
      const { webhookStore, clock } = parts;
      const deed = { action: 'webhook resend' as const, what: { webhook: name, ids } };
      const work = (): Promise<number> => webhookStore.resendWebhookEvents(name, ids ?? null, clock.now());
      return { count: await parts.operator(who, peer).act(deed, work, (count) => count) };
    },
  });
}

function enable(parts: AdminParts): AnyRoute {
  return route({
    method: 'post',
    path: '/webhooks/{name}/enable',
    summary: 'Post to a webhook again that answered 410, or that rests after failures; it is tried at once.',
    needs: 'operator',
    params: byName,
    body: z.strictObject({}),
    answer: z.strictObject({ name: z.string() }),
    audit: 'webhook enable',
    async run({ params: { name }, who, peer }) {
      await mustExist(parts, name);
      const deed = { action: 'webhook enable' as const, what: { webhook: name } };
      await parts.operator(who, peer).act(
        deed,
        () => parts.webhookStore.enableWebhook(name),
        () => 1,
      );
      return { name };
    },
  });
}

function test(parts: AdminParts): AnyRoute {
  return route({
    method: 'post',
    path: '/webhooks/{name}/test',
    summary: 'Post a test event to a webhook now, and tell what it answers.',
    needs: 'operator',
    params: byName,
    body: z.strictObject({}),
    answer: answers.webhookTest,
    audit: 'webhook test',
    async run({ params: { name }, who, peer }) {
      const deed = { action: 'webhook test' as const, what: { webhook: name } };
      const done = await parts.operator(who, peer).act(
        deed,
        () => parts.testWebhook(name),
        () => 1,
      );
      return { ok: done.error === null, ...done };
    },
  });
}

export function webhookRoutes(parts: AdminParts): readonly AnyRoute[] {
  return [all(parts), deliveries(parts), resend(parts), enable(parts), test(parts)];
}
