/** The kinds of values that webhooks take. */
import type { Kind } from './kinds.ts';
import { read } from './schema.ts';
import type { KeyRule } from './structured.ts';

/** Octets of a key (Standard Webhooks, "Signature scheme"). */
const LEAST = 24;
const MOST = 64;

/** The key of a secret of the form `whsec_` and base64; undefined: it is none. */
export function keyOfSecret(text: string): Buffer | undefined {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text.trim())?.[1];
  if (encoded === undefined) return undefined;
  const key = Buffer.from(encoded, 'base64');
  return key.length >= LEAST && key.length <= MOST ? key : undefined;
}

export const webhookSecret: Kind<string, string> = {
  schema: read((value) => (typeof value === 'string' && keyOfSecret(value) !== undefined ? value.trim() : undefined)),
  placeholder: 'secret',
  allowed: `whsec_ and ${LEAST} to ${MOST} octets in base64, as echo "whsec_$(openssl rand -base64 32)" makes one`,
  show: () => '***',
};

/** It stands in paths of the API. */
export const isWebhookName: KeyRule = {
  fits: (key) => /^[a-z0-9][a-z0-9_-]{0,62}$/i.test(key),
  allowed: '1 to 63 letters, digits, - and _',
};
