/** The kinds of values that relays, routes and the safety of test systems take. */
import { resolve } from 'node:path';
import { addressFault, isAddress } from '../mail/address.ts';
import { type Kind, list, maskUrl } from './kinds.ts';
import { read } from './schema.ts';
import type { KeyRule } from './structured.ts';

/** At most `limit` recipients in any span of `window` ms. */
export interface Rate {
  readonly limit: number;
  readonly window: number;
}

const WINDOWS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function parseRate(value: unknown): Rate | undefined {
  const match = typeof value === 'string' ? /^\s*([1-9]\d{0,9})\s*\/\s*(s|min|m|h|d)\s*$/.exec(value) : null;
  const window = WINDOWS[match?.[2] ?? ''];
  return window === undefined ? undefined : { limit: Number(match?.[1]), window };
}

function showRate({ limit, window }: Rate): string {
  const unit = Object.entries(WINDOWS).find(([, ms]) => ms === window)?.[0];
  return unit === undefined ? `${limit} in ${window} ms` : `${limit}/${unit}`;
}

const rate: Kind<Rate, string> = {
  schema: read(parseRate),
  placeholder: 'rate',
  allowed: 'a number of recipients in a time such as 14/s, 600/min, 200/h or 50000/d',
  show: showRate,
};

/** All of them hold at once: `14/s` and `50000/d`. */
export const rates = list(rate, /[\s,]+/);

/** The name of a relay, as commands and lists show it. */
const RELAY_NAME = /^[a-z][a-z0-9_-]{0,63}$/i;

export const isRelayName: KeyRule = {
  fits: (key) => RELAY_NAME.test(key),
  allowed: 'letters, digits, - and _, the first a letter',
};

/** Whose mail a login is for. */
export const isLoginKey: KeyRule = {
  fits: (key) => isAddress(key.replace(/^@/, 'x@')),
  allowed: 'an address, or @example.com for all of a domain',
};

export const relayName: Kind<string, string> = {
  schema: read((value) => (typeof value === 'string' && RELAY_NAME.test(value.trim()) ? value.trim() : undefined)),
  placeholder: 'relay',
  allowed: 'the name of a relay',
  show: (value) => value,
};

export const relayNames = list(relayName, /[\s,]+/);

/** One address. */
export const address: Kind<string, string> = {
  schema: read((value) => (typeof value === 'string' && isAddress(value.trim()) ? value.trim() : undefined)),
  placeholder: 'address',
  allowed: 'a mail address such as ann@example.com',
  show: (value) => value,
};

function isAddressPattern(text: string): boolean {
  return addressFault(text.replace(/^@(?:\*\.)?/, 'x@')) === undefined;
}

const PATTERN = 'an address, @example.com for a domain, or @*.example.com for all domains below it';

/** Which addresses: `ann@example.com`, `@example.com`, `@*.example.com`. */
export const addressPattern: Kind<string, string> = {
  schema: read((value) => (typeof value === 'string' && isAddressPattern(value.trim()) ? value.trim() : undefined)),
  placeholder: 'address',
  allowed: PATTERN,
  show: (value) => value,
};

/** As addressPattern, and `<>` for the null sender of reports. */
export const senderPattern: Kind<string, string> = {
  ...addressPattern,
  schema: read((value) => {
    const text = typeof value === 'string' ? value.trim() : '';
    return text === '<>' || isAddressPattern(text) ? text : undefined;
  }),
  allowed: `${PATTERN}, or <> for reports`,
};

/** A text that nobody may see. */
export const secretText: Kind<string, string> = {
  schema: read((value) => (typeof value === 'string' && value !== '' ? value : undefined)),
  placeholder: 'secret',
  allowed: 'a text that is not empty',
  show: () => '***',
};

/** Where a relay is: a server, a folder, a program, or nowhere. A relative path of `file:` counts as other paths do. */
export const wayOut: Kind<string, string> = {
  schema: read((value) =>
    typeof value === 'string' && /^[a-z][a-z0-9+.-]*:/i.test(value.trim()) ? value.trim() : undefined,
  ),
  placeholder: 'url',
  allowed: 'a URL such as smtp://user:password@host:587, smtps://host, file:FOLDER, command:, capture: or null:',
  show: maskUrl,
  anchor: (value, folder) =>
    value.replace(/^file:(?!\/\/)([^?]+)/i, (_, path: string) => `file:${resolve(folder, path)}`),
};

/** SHA-256 of a certificate, as openssl or people write it. */
export const fingerprint: Kind<string, string> = {
  schema: read((value) => {
    const text = typeof value === 'string' ? value.trim() : '';
    const hex = text.replace(/^sha-?256(?: fingerprint)?[:=\s]/i, '').replace(/[:\s]/g, '');
    return /^[0-9a-f]{64}$/i.test(hex) ? hex : undefined;
  }),
  placeholder: 'fingerprint',
  allowed:
    'SHA-256 in hexadecimal, 64 digits with or without colons, as "openssl x509 -noout -fingerprint -sha256 -in FILE" shows it',
  show: (value) => value,
};

/** A proxy on the way to a relay. */
export const proxyUrl: Kind<string, string> = {
  schema: read((value) =>
    typeof value === 'string' && /^(?:socks5?h?|socks4a?|https?):\/\/./i.test(value.trim()) ? value.trim() : undefined,
  ),
  placeholder: 'url',
  allowed: 'a URL such as socks5://host:1080 or http://user:password@host:3128',
  show: maskUrl,
};

export const httpsUrl: Kind<string, string> = {
  schema: read((value) =>
    typeof value === 'string' && /^https?:\/\/./i.test(value.trim()) ? value.trim() : undefined,
  ),
  placeholder: 'url',
  allowed: 'a URL such as https://login.example.com/oauth2/token',
  show: maskUrl,
};

/** A regular expression, as a text or, in a module, as itself; texts are taken without regard to case. */
export const pattern: Kind<RegExp, string | RegExp> = {
  schema: read((value) => {
    if (value instanceof RegExp) return new RegExp(value.source, value.flags.replace(/[gy]/g, ''));
    if (typeof value !== 'string' || value === '') return undefined;
    try {
      return new RegExp(value, 'i');
    } catch {
      return undefined;
    }
  }),
  placeholder: 'pattern',
  allowed: 'a regular expression',
  show: String,
};

export const yesNo: Kind<boolean, boolean | 'yes' | 'no'> = {
  schema: read((value) => {
    if (typeof value === 'boolean') return value;
    const word = typeof value === 'string' ? value.trim().toLowerCase() : '';
    return ['yes', 'true', 'on', '1'].includes(word)
      ? true
      : ['no', 'false', 'off', '0'].includes(word)
        ? false
        : undefined;
  }),
  placeholder: 'yes|no',
  allowed: 'yes or no',
  show: (value) => (value ? 'yes' : 'no'),
};

/** The name of a field of a header (RFC 5322 3.6.8), in lower case. */
export const headerName: Kind<string, string> = {
  schema: read((value) =>
    typeof value === 'string' && /^[!-9;-~]{1,997}$/.test(value.trim()) ? value.trim().toLowerCase() : undefined,
  ),
  placeholder: 'name',
  allowed: 'the name of a header field such as X-Relay',
  show: (value) => value,
};

/** A code of a reply, or its first digits: 550, 55, 5. */
export const replyCode: Kind<number, number | string> = {
  schema: read((value) => (/^[2-5]\d{0,2}$/.test(String(value).trim()) ? Number(value) : undefined)),
  placeholder: 'code',
  allowed: 'a reply code such as 550, or its first digits',
  show: String,
};
