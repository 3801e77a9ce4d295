/** TLS for a connection to a relay: what is demanded of its certificate, and what came of it. */
import { isIP } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { RelaySettings } from './options.ts';

/** What people want to know of an encrypted connection. */
export interface TlsReport {
  /** `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
  /** The certificate is valid, for this name, and from a trusted CA. */
  readonly authorized: boolean;
  /** Why not. */
  readonly problem: string | null;
}

/** The last session of a relay: with it, the next handshake is shorter (RFC 8446 2.2). Never shared between relays or levels. */
export interface TlsMemory {
  session: Buffer | undefined;
}

/** Only the levels `opportunistic` and `required` take a certificate that nobody can verify: that is their meaning. */
export function secureOptions(settings: RelaySettings, memory: TlsMemory): ConnectionOptions {
  const name = settings.servername;
  return {
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    rejectUnauthorized: settings.tls !== 'opportunistic' && settings.tls !== 'required',
    ...(settings.minVersion === undefined ? {} : { minVersion: settings.minVersion }),
    ...(settings.ca === undefined ? {} : { ca: [...settings.ca] }),
    ...(memory.session === undefined ? {} : { session: memory.session }),
  };
}

export function reportTls(socket: TLSSocket): TlsReport {
  const error: unknown = socket.authorizationError;
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    authorized: socket.authorized,
    problem: socket.authorized ? null : error instanceof Error ? error.message : String(error),
  };
}
