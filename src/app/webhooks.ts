/** Webhooks from the settings, with their secrets. */
import { readFileSync } from 'node:fs';
import { keyOfSecret } from '../config/kinds-webhook.ts';
import type { Config } from '../config/settings.ts';
import type { WebhookSettings } from '../config/shapes.ts';
import { PosthasteError } from '../errors.ts';
import { WEBHOOK_EVENTS, type WebhookEntry } from '../queue/webhook.ts';
import type { Webhook } from '../report/webhook-courier.ts';
import { Webhooks } from '../report/webhooks.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import type { App } from './open.ts';

const TIMEOUT = 15_000;
const CONNECTIONS = 4;
const MAX_AGE = 3 * 86_400_000;

/** null where none are set. Throws CONFIG_INVALID for a secret that cannot be read. */
export function openWebhooks({ config, store }: App, holder: Id, log: Log): Webhooks | null {
  const all = webhooksOf(config);
  const parts = { store, clock: systemClock, log, random: Math.random, holder };
  return all.length === 0 ? null : new Webhooks(parts, all);
}

export function webhooksOf({ webhooks }: Config): readonly (Webhook & WebhookEntry)[] {
  return Object.entries(webhooks).map(([name, settings]) => webhookOf(name, settings));
}

export function webhookOf(name: string, settings: WebhookSettings): Webhook & WebhookEntry {
  return {
    name,
    url: settings.url,
    keys: keysOf(name, settings),
    events: settings.events ?? WEBHOOK_EVENTS,
    timeout: settings.timeout ?? TIMEOUT,
    connections: settings.connections ?? CONNECTIONS,
    maxAge: settings.maxAge ?? MAX_AGE,
  };
}

function keysOf(name: string, { secret = [], secretFile }: WebhookSettings): readonly Uint8Array[] {
  const texts = secretFile === undefined ? secret : linesOf(name, secretFile);
  return texts.map((text) => {
    const key = keyOfSecret(text);
    if (key === undefined)
      throw invalid(name, `${secretFile} has a line that is no whsec_ with 24 to 64 octets in base64`);
    return key;
  });
}

function linesOf(name: string, path: string): readonly string[] {
  try {
    const lines = readFileSync(path, 'utf8')
      .split(/\r?\n/)
      .filter((line) => line.trim() !== '');
    if (lines.length > 0) return lines;
  } catch (error) {
    throw invalid(name, `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw invalid(name, `${path} is empty`);
}

function invalid(name: string, fault: string): PosthasteError {
  return new PosthasteError('CONFIG_INVALID', `webhooks.${name}.secretFile: ${fault}`);
}
