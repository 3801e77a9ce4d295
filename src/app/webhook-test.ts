/** A post that shows whether a webhook is there, takes it, and believes the signature. Nothing of it is kept. */
import type { WebhookTest } from '../admin/parts.ts';
import type { Config } from '../config/settings.ts';
import { PosthasteError } from '../errors.ts';
import { postWebhook } from '../report/webhook-post.ts';
import { systemClock } from '../runtime/clock.ts';
import { newId } from '../runtime/id.ts';
import { webhookOf } from './webhooks.ts';

/** Throws NOT_FOUND where the settings of this process have none of the name. */
export async function testWebhook({ webhooks }: Config, name: string): Promise<WebhookTest> {
  const settings = Object.hasOwn(webhooks, name) ? webhooks[name] : undefined;
  if (settings === undefined)
    throw new PosthasteError('NOT_FOUND', `The settings of this process have no webhook ${JSON.stringify(name)}.`);
  const now = systemClock.now();
  const body = JSON.stringify({ type: 'test', timestamp: new Date(now).toISOString(), data: {} });
  const begun = performance.now();
  const event = { id: newId(now), body };
  const { status, error } = await postWebhook(webhookOf(name, settings), event, now, new AbortController().signal);
  return { status, error, durationMs: Math.round(performance.now() - begun) };
}
