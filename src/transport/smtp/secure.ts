/** TLS for a connection to a relay: what is demanded of its certificate, what we show of ours, and what came of it. */
import { isIP } from 'node:net';
import {
  type ConnectionOptions,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { PosthasteError } from '../../errors.ts';
import type { RelaySettings, SmtpOptions } from './options.ts';

/** What people want to know of an encrypted connection. */
export interface TlsReport {
  /** `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
  /** The certificate is the pinned one; or, where none is pinned, it is valid, for this name, and from a trusted CA. */
  readonly authorized: boolean;
  /** Why not. */
  readonly problem: string | null;
}

/** The last session of a relay: with it, the next handshake is shorter (RFC 8446 2.2). Never shared between relays or levels. */
export interface TlsMemory {
  session: Buffer | undefined;
}

/** Made once: reading certificates anew for every connection would cost more than the handshake. Throws CONFIG_INVALID. */
export function secureContext(peer: string, options: SmtpOptions): SecureContext | null {
  const { ca, cert, key, minVersion } = options;
  if ((cert === undefined) !== (key === undefined))
    throw invalid(`The relay ${peer} has a client certificate or its key, and needs both or none: set cert and key.`);
  if (ca === undefined && cert === undefined && minVersion === undefined) return null;
  try {
    return createSecureContext({
      ...(ca !== undefined && { ca: [ca].flat() }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(minVersion !== undefined && { minVersion }),
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalid(`The TLS settings of the relay ${peer} cannot be used: ca, cert and key are PEM texts (${why}).`);
  }
}

/** Only the levels `opportunistic` and `required` take a certificate that nobody can verify: that is their meaning. */
export function secureOptions(settings: RelaySettings, memory: TlsMemory): ConnectionOptions {
  const name = settings.servername;
  const anyone = settings.tls === 'opportunistic' || settings.tls === 'required' || settings.fingerprints.length > 0;
  return {
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    rejectUnauthorized: !anyone,
    ...(settings.secureContext === null ? {} : { secureContext: settings.secureContext }),
    // The certificate does not come with a resumed session, and a pin wants to see it.
    ...(memory.session === undefined || settings.fingerprints.length > 0 ? {} : { session: memory.session }),
  };
}

/** Why the certificate is not one of the pinned ones; undefined: it is, or none is pinned. */
export function pinFault(socket: TLSSocket, pinned: readonly string[]): Error | undefined {
  if (pinned.length === 0) return undefined;
  const certificate = socket.getPeerCertificate() as PeerCertificate | null;
  const seen = certificate?.fingerprint256 ?? 'none';
  if (pinned.includes(seen)) return undefined;
  return new Error(
    `its certificate has the SHA-256 fingerprint ${seen}, which is not pinned; if the relay has a new one, add it to the fingerprints`,
  );
}

/** As Node.js writes it: upper case, with colons. */
export function parseFingerprint(text: string): string {
  const hex = text.replace(/^sha-?256[:=\s]/i, '').replace(/[:\s]/g, '');
  if (!/^[0-9a-f]{64}$/i.test(hex))
    throw invalid(
      `The fingerprint ${JSON.stringify(text)} is no SHA-256 in hex (64 digits); "openssl x509 -noout -fingerprint -sha256 -in FILE" shows one.`,
    );
  return (hex.toUpperCase().match(/../g) ?? []).join(':');
}

export function reportTls(socket: TLSSocket, pinned: readonly string[]): TlsReport {
  const error: unknown = socket.authorizationError;
  const authorized = pinned.length > 0 || socket.authorized;
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    authorized,
    problem: authorized ? null : error instanceof Error ? error.message : String(error),
  };
}

function invalid(message: string): PosthasteError {
  return new PosthasteError('CONFIG_INVALID', message);
}
