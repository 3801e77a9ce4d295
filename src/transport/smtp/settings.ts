/** What holds of a relay where nothing is said: the options with every default, and what they make of each other. */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { PosthasteError } from '../../errors.ts';
import type { RelaySettings, SmtpOptions, Timeouts, TlsLevel } from './options.ts';
import { parseProxyUrl } from './proxy.ts';
import { parseFingerprint, secureContext } from './secure.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** RFC 5321 4.5.3.2. A shorter wait for the reply to the final dot makes duplicates. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  connect: 30 * SECOND,
  tls: 30 * SECOND,
  greeting: 5 * MINUTE,
  ehlo: 5 * MINUTE,
  credentials: MINUTE,
  auth: 5 * MINUTE,
  mail: 5 * MINUTE,
  rcpt: 5 * MINUTE,
  data: 2 * MINUTE,
  block: 3 * MINUTE,
  dot: 10 * MINUTE,
  reset: 5 * MINUTE,
  quit: 5 * SECOND,
};

export const DEFAULT_CONNECTIONS = 20;

/** Throws CONFIG_INVALID for what cannot be read, or contradicts itself. */
export function settle(options: SmtpOptions): RelaySettings {
  const implicitTls = options.implicitTls ?? options.port === 465;
  const proxy = options.proxy === undefined ? null : parseProxyUrl(options.proxy);
  // "localhost" behind a proxy is the proxy's.
  const here = proxy === null && isLoopback(options.host);
  const peer = hostPort(options.host, options.port);
  const fingerprints = [options.fingerprint ?? []].flat().map(parseFingerprint);
  return {
    host: options.host,
    port: options.port,
    peer,
    dialled: proxy === null ? peer : `${peer} through the proxy ${hostPort(proxy.host, proxy.port)}`,
    proxy,
    implicitTls,
    tls: level(options, { implicitTls, here, pinned: fingerprints.length > 0, peer }),
    credentials: options.credentials ?? null,
    clearPassword: options.allowClearPassword === true || here,
    name: options.name ?? ownName(),
    servername: options.servername ?? options.host,
    secureContext: secureContext(peer, options),
    fingerprints,
    maxMessages: options.maxMessages ?? 1000,
    maxRecipients: options.maxRecipients ?? 100,
    maxSize: options.maxSize ?? Number.POSITIVE_INFINITY,
    idleTimeout: options.idleTimeout ?? 30 * SECOND,
    timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
    rules: options.rules,
  };
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A pin means nothing without encryption, and everything with it. */
function level(
  { tls, credentials }: SmtpOptions,
  { implicitTls, here, pinned, peer }: { implicitTls: boolean; here: boolean; pinned: boolean; peer: string },
): TlsLevel {
  if (implicitTls && (tls === 'none' || tls === 'opportunistic'))
    throw new PosthasteError(
      'CONFIG_INVALID',
      `The relay ${peer} has TLS from the start and the TLS level "${tls}", which contradict each other: allowed are "required" and "verified".`,
    );
  if (!pinned) return tls ?? defaultLevel(implicitTls, credentials !== undefined, here);
  if (tls !== 'none' && tls !== 'opportunistic') return 'verified';
  throw new PosthasteError(
    'CONFIG_INVALID',
    `The relay ${peer} has a fingerprint and the TLS level "${tls}", under which it would not be looked at: leave the level out, or the fingerprint.`,
  );
}

function defaultLevel(implicitTls: boolean, credentials: boolean, here: boolean): TlsLevel {
  return implicitTls || (credentials && !here) ? 'verified' : 'opportunistic';
}

/** True when nobody but this machine can read along. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return /^(?:.+\.)?localhost\.?$/i.test(host);
  return /^127\.|^::ffff:127\.|^::1$|^(?:0+:)+0*1$/i.test(host);
}

/** RFC 5321 4.1.4 wants a name with a domain; null where this machine has none. */
function ownName(): string | null {
  const name = hostname();
  return /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i.test(name) ? name : null;
}
