/** What a scripted relay is told, and what it remembers. */
import type { SecureContext, SecureVersion } from 'node:tls';
import type { Action, Point, Script } from './actions.ts';
import type { RelayLogin } from './logins.ts';

/** How a relay speaks TLS: PEM texts. */
export interface RelayTls {
  readonly key: string;
  readonly cert: string;
  readonly implicit?: boolean;
  /** Speaks no newer version: `TLSv1.2`. */
  readonly maxVersion?: SecureVersion;
  /** Clients must show a certificate from this CA. */
  readonly clientCa?: string;
}

/** What a relay for tests is like. */
export interface ScriptedOptions {
  readonly script?: Script;
  /** Keywords of the EHLO reply; STARTTLS and AUTH come by themselves. */
  readonly extensions?: readonly string[];
  /** Offers STARTTLS, or speaks TLS from the start. */
  readonly tls?: RelayTls;
  /** Offers a login; mail is taken without one all the same. */
  readonly login?: RelayLogin;
  /** Default: any free one. */
  readonly port?: number;
}

/** A content that came whole, with its end of data. */
export interface Received {
  /** From 0, in the order in which connections came. */
  readonly connection: number;
  readonly mail: string;
  /** The RCPT commands that were answered with 2xx. */
  readonly rcpts: readonly string[];
  readonly sender: string;
  readonly recipients: readonly string[];
  /** As it was before the dots were stuffed. */
  readonly content: Buffer;
  /** It was answered with 4xx or 5xx, so the relay did not keep it. */
  refused: boolean;
}

/** What a relay saw of one connection. */
export interface SeenConnection {
  /** Every command as it came; contents are left out. */
  readonly commands: string[];
  /** The MAIL commands, whatever was answered. */
  readonly mails: string[];
  /** The name that the client asked for in its TLS handshake. */
  servername: string | null;
  encrypted: boolean;
  /** The TLS session was one of before. */
  resumed: boolean;
  /** The name in the client's certificate, where one was asked for. */
  client: string | null;
  /** user, where a login succeeded. */
  user: string | null;
  open: boolean;
  /** Pieces in which its octets came: one for each write of the client, where nothing joined them. */
  reads: number;
}

/** What a dialogue needs of its relay. */
export interface Host {
  readonly options: ScriptedOptions;
  readonly script: Script;
  readonly extensions: readonly string[];
  readonly received: Received[];
  readonly secureContext: SecureContext;
  /** Something happened. */
  changed(): void;
  /** What the script says at this point, which is passed once more now. */
  pass(point: Point, command: string): Action;
}
