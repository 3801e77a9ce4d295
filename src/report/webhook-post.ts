/** One event to one webhook: signed as Standard Webhooks has it (standardwebhooks.com), posted once. */
import { createHmac } from 'node:crypto';
import type { Instant } from '../runtime/clock.ts';
import { hideSecrets } from '../runtime/secrets.ts';
import { decoded, secretsOf } from './webhook-secrets.ts';

/** Where, and how. */
export interface WebhookTarget {
  readonly url: string;
  /** All of them sign. */
  readonly keys: readonly Uint8Array[];
  /** ms */
  readonly timeout: number;
}

export interface WebhookAnswer {
  /** null: there was none. */
  readonly status: number | null;
  /** null: it was taken. */
  readonly error: string | null;
  /** What it asks to wait, ms; null: it says nothing of that. */
  readonly retryAfter: number | null;
}

/** Octets of an answer that are read: nobody sends more for us than this, and the connection may be used again. */
const MAX_ANSWER = 64 * 1024;
/** Characters of it that are shown. */
const MAX_SHOWN = 200;

/** `webhook-signature`: the MAC of each key over the id, the time in seconds and the body, with dots between them. */
export function webhookHeaders(
  id: string,
  body: string,
  now: Instant,
  keys: readonly Uint8Array[],
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1_000));
  const mac = (key: Uint8Array): string =>
    createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': keys.map((key) => `v1,${mac(key)}`).join(' '),
  };
}

/** Never fails. The URL may have a secret in it, and is in no error, also where the answer repeats it. */
export async function postWebhook(
  { url, keys, timeout }: WebhookTarget,
  { id, body }: { readonly id: string; readonly body: string },
  now: Instant,
  signal: AbortSignal,
): Promise<WebhookAnswer> {
  const { href, authorization } = withoutLogin(url);
  try {
    const response = await fetch(href, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'posthaste',
        ...authorization,
        ...webhookHeaders(id, body, now, keys),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
    });
    const text = await textOf(response);
    // Hidden before it is cut off: the end of what is kept may stand in the middle of a secret.
    return answerOf(response, response.ok ? '' : shown(hideSecrets(text, secretsOf(url, keys))), now);
  } catch (error) {
    return { status: null, error: signal.aborted ? 'stopped' : faultOf(error, url, timeout), retryAfter: null };
  }
}

/** `fetch` takes no URL with a login in it. */
function withoutLogin(url: string): {
  readonly href: string;
  readonly authorization: Readonly<Record<string, string>>;
} {
  const parsed = new URL(url);
  const { username, password } = parsed;
  if (username === '' && password === '') return { href: url, authorization: {} };
  parsed.username = '';
  parsed.password = '';
  const login = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
  return { href: parsed.href, authorization: { authorization: `Basic ${login}` } };
}

async function textOf({ body }: Response): Promise<string> {
  let octets = 0;
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of body ?? []) {
    octets += (chunk as Uint8Array).length;
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    // Leaving the loop ends the connection.
    if (octets > MAX_ANSWER) break;
  }
  return text;
}

/** On one line. */
function shown(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_SHOWN).toWellFormed();
}

function answerOf({ status, ok, headers }: Response, text: string, now: Instant): WebhookAnswer {
  if (ok) return { status, error: null, retryAfter: null };
  const said = text === '' ? '' : `: ${printable(text)}`;
  const redirect = status >= 300 && status < 400 ? ', and redirects are not followed' : '';
  const retryAfter = status === 429 || status === 503 ? waitOf(headers.get('retry-after'), now) : null;
  return { status, error: `answered ${status}${redirect}${said}`, retryAfter };
}

/** Databases take no zeros in texts, and terminals no control characters. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ');
}

/** Seconds, or a date (RFC 9110 10.2.3). */
function waitOf(value: string | null, now: Instant): number | null {
  if (value === null) return null;
  const wait = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - now;
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}

function faultOf(error: unknown, url: string, timeout: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeout} ms`;
  const cause = error instanceof Error ? error.cause : undefined;
  const { code, message } = (cause ?? error) as { readonly code?: unknown; readonly message?: unknown };
  if (message === 'bad port') return badPort(new URL(url).port);
  return printable(String(typeof code === 'string' ? code : message)).slice(0, MAX_SHOWN);
}

/** `fetch` has a list of them (fetch.spec.whatwg.org, "bad port"), and says no more than these two words. */
function badPort(port: string): string {
  return `port ${port} is kept for another protocol, and HTTP clients refuse it: let the receiver listen on another port`;
}
