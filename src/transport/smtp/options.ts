/** What can be said about a relay that is reached by SMTP, and what holds where nothing is said. */

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { SecureVersion } from 'node:tls';
import type { Rule } from '../classify.ts';
import type { Credentials } from './auth.ts';

/**
 * `none`: never encrypted. `opportunistic`: encrypted where STARTTLS is offered, whoever the relay is; plain only where it is not
 * offered, never because a handshake failed. `required`: always encrypted, whoever the relay is. `verified`: always encrypted, to a
 * relay that proves its name with a certificate.
 */
export type TlsLevel = 'none' | 'opportunistic' | 'required' | 'verified';

/** What is being waited for; each wait has its limit. */
export type Wait =
  | 'connect'
  | 'tls'
  | 'greeting'
  | 'ehlo'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'block'
  | 'dot'
  | 'reset'
  | 'quit';

/** Milliseconds for each wait. */
export type Timeouts = Readonly<Record<Wait, number>>;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** RFC 5321 4.5.3.2. A shorter wait for the reply to the final dot makes duplicates. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  connect: 30 * SECOND,
  tls: 30 * SECOND,
  greeting: 5 * MINUTE,
  ehlo: 5 * MINUTE,
  auth: 5 * MINUTE,
  mail: 5 * MINUTE,
  rcpt: 5 * MINUTE,
  data: 2 * MINUTE,
  block: 3 * MINUTE,
  dot: 10 * MINUTE,
  reset: 5 * MINUTE,
  quit: 5 * SECOND,
};

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (smtps). Default: only on port 465. */
  readonly implicitTls?: boolean;
  /** Default: `verified` with implicit TLS or with credentials, else `opportunistic`. Credentials for a relay on this machine ask for no more than `opportunistic`. */
  readonly tls?: TlsLevel;
  readonly credentials?: Credentials;
  /** Allows to send the password without TLS to a relay that is not on this machine. Default false. */
  readonly allowClearPassword?: boolean;
  /** Our name in EHLO. Default: the host name where it has a domain, else the address literal of our end. */
  readonly name?: string;
  /** The name that the relay's certificate must carry, also sent as SNI. Default: `host`. */
  readonly servername?: string;
  /** Default: that of Node.js, TLSv1.2. */
  readonly minVersion?: SecureVersion;
  /** Certificates (PEM) to trust instead of the system's. */
  readonly ca?: string | readonly string[];
  /** Default 20. */
  readonly maxConnections?: number;
  /** Messages over one connection, then a new one. Default 1000. */
  readonly maxMessages?: number;
  /** Recipients in one transaction; more of them go with several. Default 100 (RFC 5321 4.5.3.1.8). */
  readonly maxRecipients?: number;
  /** An idle connection is ended after this time, ms. Default 30 s: before most relays would. */
  readonly idleTimeout?: number;
  readonly timeouts?: Partial<Timeouts>;
  /** The table of outcomes. Default: `RULES`. */
  readonly rules?: readonly Rule[];
}

/** The options with every default filled in. */
export interface RelaySettings {
  readonly host: string;
  readonly port: number;
  /** `host:port`, as replies of our own name the relay. */
  readonly peer: string;
  readonly implicitTls: boolean;
  readonly tls: TlsLevel;
  readonly credentials: Credentials | null;
  readonly clearPassword: boolean;
  readonly name: string | null;
  readonly servername: string;
  readonly minVersion: SecureVersion | undefined;
  readonly ca: readonly string[] | undefined;
  readonly maxConnections: number;
  readonly maxMessages: number;
  readonly maxRecipients: number;
  readonly idleTimeout: number;
  readonly timeouts: Timeouts;
  readonly rules: readonly Rule[] | undefined;
}

export function settle(options: SmtpOptions): RelaySettings {
  const implicitTls = options.implicitTls ?? options.port === 465;
  const here = isLoopback(options.host);
  return {
    host: options.host,
    port: options.port,
    peer: options.host.includes(':') ? `[${options.host}]:${options.port}` : `${options.host}:${options.port}`,
    implicitTls,
    tls: options.tls ?? defaultLevel(implicitTls, options.credentials !== undefined, here),
    credentials: options.credentials ?? null,
    clearPassword: options.allowClearPassword === true || here,
    name: options.name ?? ownName(),
    servername: options.servername ?? options.host,
    minVersion: options.minVersion,
    ca: options.ca === undefined ? undefined : [options.ca].flat(),
    maxConnections: options.maxConnections ?? 20,
    maxMessages: options.maxMessages ?? 1000,
    maxRecipients: options.maxRecipients ?? 100,
    idleTimeout: options.idleTimeout ?? 30 * SECOND,
    timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
    rules: options.rules,
  };
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
