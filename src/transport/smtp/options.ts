/** What can be said about a relay that is reached by SMTP. */
import type { SecureContext, SecureVersion } from 'node:tls';
import type { Rule } from '../classify.ts';
import type { Login } from './credentials.ts';
import type { ProxyServer } from './proxy.ts';

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
  | 'credentials'
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

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (smtps). Default: only on port 465. */
  readonly implicitTls?: boolean;
  /** Default: `verified` with implicit TLS or with credentials, else `opportunistic`. Credentials for a relay on this machine ask for no more than `opportunistic`. */
  readonly tls?: TlsLevel;
  /** Fixed, or asked for at each new connection. */
  readonly credentials?: Login;
  /**
   * Other credentials by sender: an address, or `@domain` for all of it; the address goes first. Each login has connections of its
   * own. Senders that are not named use `credentials`.
   */
  readonly logins?: Readonly<Record<string, Login>>;
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
  /**
   * SHA-256 of the relay's own certificate (DER), in hex with or without colons; several for the time when it changes. One of them
   * must be met, and that is all: issuer, name and dates are not looked at, so a self-signed certificate will do and a CA that was
   * deceived will not. Encrypts always.
   */
  readonly fingerprint?: string | readonly string[];
  /** Our certificate (PEM, with its chain), for relays that ask for one; needs `key`. */
  readonly cert?: string;
  /** Its private key (PEM). */
  readonly key?: string;
  /** `socks5://user:password@host:port` or `http://user:password@host:port`, which is asked to CONNECT. The relay's name is resolved there. */
  readonly proxy?: string;
  /** Default 20. */
  readonly maxConnections?: number;
  /** Messages over one connection, then a new one. Default 1000. */
  readonly maxMessages?: number;
  /** Recipients in one transaction; more of them go with several. Default 100 (RFC 5321 4.5.3.1.8). */
  readonly maxRecipients?: number;
  /** Octets; a larger message is refused (552 5.3.4) without asking the relay. Default: what the relay says. */
  readonly maxSize?: number;
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
  /** The same with the proxy in between, as replies about the connection name it. */
  readonly dialled: string;
  readonly proxy: ProxyServer | null;
  readonly implicitTls: boolean;
  readonly tls: TlsLevel;
  readonly credentials: Login | null;
  readonly clearPassword: boolean;
  readonly name: string | null;
  readonly servername: string;
  /** null: that of Node.js. */
  readonly secureContext: SecureContext | null;
  /** As Node.js writes them; none: the certificate's issuer is looked at instead. */
  readonly fingerprints: readonly string[];
  readonly maxMessages: number;
  readonly maxRecipients: number;
  readonly maxSize: number;
  readonly idleTimeout: number;
  readonly timeouts: Timeouts;
  readonly rules: readonly Rule[] | undefined;
}
