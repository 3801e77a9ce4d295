/** The URL of a database on a server: where it is, who asks, and whether the way there is encrypted. */
import { readFileSync } from 'node:fs';
import { PosthasteError } from '../errors.ts';

/** Sessions with the server at once, of one process. */
const STANDARD_CONNECTIONS = 10;

/** What Node.js's TLS is given; undefined: no TLS. */
export interface Tls {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Takes a certificate under any name. */
  readonly checkServerIdentity?: () => undefined;
}

/** A database, asked for with the same user, password and encryption. */
export interface Place {
  /** A name, an address, or the folder or file of a socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

export interface NetworkUrl extends Place {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly tls: Tls | undefined;
  readonly connections: number;
  /** Whether statements may be prepared under names: not through a pool that gives each transaction another session. null: find out. */
  readonly prepare: boolean | null;
  /** The server itself, behind a pool: where to hear of what others wrote. */
  readonly listen: Place | null;
  /** The URL for people, without the password. */
  readonly shown: string;
}

const PARAMETERS = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'host', 'connections', 'prepare', 'listen'];

/** Throws CONFIG_INVALID, which never shows the password. */
export function parseNetworkUrl(url: string, standardPort: number): NetworkUrl {
  const parsed = URL.parse(url);
  if (parsed === null) throw invalid('is no URL such as postgres://user:password@host:5432/database', '');
  const shown = shownUrl(parsed);
  const { searchParams: parameters } = parsed;
  for (const name of parameters.keys())
    if (!PARAMETERS.includes(name))
      throw invalid(`has the parameter ${name}; known are ${PARAMETERS.join(', ')}`, shown);
  const database = decode(parsed.pathname.slice(1), shown);
  if (database === '') throw invalid('names no database: add /NAME behind the host', shown);
  return {
    host: parameters.get('host') ?? (decode(parsed.hostname.replace(/^\[|\]$/g, ''), shown) || '127.0.0.1'),
    port: parsed.port === '' ? standardPort : Number(parsed.port),
    user: decode(parsed.username, shown) || undefined,
    password: decode(parsed.password, shown) || undefined,
    database,
    tls: tlsOf(parameters, shown),
    connections: connectionsOf(parameters, shown),
    prepare: parameters.has('prepare') ? yesNo('prepare', parameters, shown) : null,
    listen: listenOf(parameters, { port: standardPort, database }, shown),
    shown,
  };
}

function shownUrl(url: URL): string {
  const shown = new URL(url);
  shown.password = '';
  shown.search = '';
  return shown.href;
}

export function invalid(what: string, shown: string): PosthasteError {
  return new PosthasteError('CONFIG_INVALID', `The database URL ${shown === '' ? '' : `${shown} `}${what}.`);
}

function decode(text: string, shown: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('has a % that begins no escape: write %25 for it', shown);
  }
}

function connectionsOf(parameters: URLSearchParams, shown: string): number {
  const written = parameters.get('connections');
  if (written === null) return STANDARD_CONNECTIONS;
  const connections = Number(written);
  if (Number.isInteger(connections) && connections >= 2 && connections <= 1000) return connections;
  throw invalid('allows connections=2 to connections=1000', shown);
}

function yesNo(name: string, parameters: URLSearchParams, shown: string): boolean {
  const written = parameters.get(name);
  if (written === 'true' || written === 'false') return written === 'true';
  throw invalid(`allows ${name}=true and ${name}=false`, shown);
}

function listenOf(
  parameters: URLSearchParams,
  standard: Pick<Place, 'port' | 'database'>,
  shown: string,
): Place | null {
  const written = parameters.get('listen');
  if (written === null) return null;
  const parsed = URL.parse(`listen://${written}`);
  if (parsed === null || parsed.hostname === '' || parsed.username !== '')
    throw invalid('allows listen=HOST, listen=HOST:PORT and listen=HOST:PORT/DATABASE', shown);
  return {
    host: decode(parsed.hostname.replace(/^\[|\]$/g, ''), shown),
    port: parsed.port === '' ? standard.port : Number(parsed.port),
    database: decode(parsed.pathname.slice(1), shown) || standard.database,
  };
}

const MODES = ['disable', 'require', 'verify-ca', 'verify-full'];

/** As libpq says it: `require` encrypts and believes any certificate, unless a root certificate is named. */
function tlsOf(parameters: URLSearchParams, shown: string): Tls | undefined {
  const mode = parameters.get('sslmode') ?? usualMode(parameters, shown);
  if (!MODES.includes(mode)) throw invalid(`allows sslmode=${MODES.join(', ')}`, shown);
  if (mode === 'disable') return undefined;
  const ca = fileOf(parameters, 'sslrootcert', shown);
  const cert = fileOf(parameters, 'sslcert', shown);
  const key = fileOf(parameters, 'sslkey', shown);
  const verifies = mode !== 'require' || ca !== undefined;
  return {
    rejectUnauthorized: verifies,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  };
}

/** Who asks for TLS without more wants to know whom it is with; a file that nobody uses would promise what is not kept. */
function usualMode(parameters: URLSearchParams, shown: string): string {
  const asked = ['sslrootcert', 'sslcert', 'sslkey'].some((name) => parameters.has(name));
  const wanted = parameters.has('ssl') ? yesNo('ssl', parameters, shown) : asked;
  return wanted ? 'verify-full' : 'disable';
}

function fileOf(parameters: URLSearchParams, name: string, shown: string): string | undefined {
  const path = parameters.get(name);
  if (path === null) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(`names ${name}=${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`, shown);
  }
}

/** What Node.js, and mysql2, call a certificate that they do not believe. */
export const CERTIFICATE_CODES = /CERT|^UNABLE_TO_|^HANDSHAKE_SSL_ERROR/;
export const CERTIFICATE_ADVICE =
  "Name the CA of the server's certificate with sslrootcert=FILE, and the server by a name that stands in it.";
