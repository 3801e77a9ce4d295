/** Access tokens of OAuth 2.0 for logins (RFC 6749): asked for once for all connections, kept, and renewed before they end. */
import { createPrivateKey, createSign, type KeyObject } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { PosthasteError } from '../../errors.ts';
import { type Clock, type Instant, systemClock } from '../../runtime/clock.ts';
import type { Credentials, CredentialsProvider, Token } from './credentials.ts';
import { requestToken, type TokenRequest } from './token-request.ts';

export type Secret = string | (() => Promise<string>);

export interface OAuthOptions {
  /** The mailbox that the login is for. */
  readonly user: string;
  /** Fills in token URL and scope. */
  readonly provider?: 'google' | 'microsoft';
  /** Of Microsoft: the directory's id or domain. Default `common`, which serves refresh tokens only. */
  readonly tenant?: string;
  /** https, but for a server on this machine. */
  readonly tokenUrl?: string;
  readonly scope?: string;
  readonly clientId?: string;
  /** A function is asked before each request, as for `refreshToken`: so a secret may change while we run. */
  readonly clientSecret?: Secret;
  /** With it the grant is `refresh_token` (RFC 6749 6). */
  readonly refreshToken?: Secret;
  /** Hears of a new refresh token, which replaces the one before: keep it, or the next start may find the old one dead. */
  readonly onRefreshToken?: (refreshToken: string) => void | Promise<void>;
  /** Hears why it was not kept. The new one serves until this process ends. */
  readonly onUnkept?: (error: unknown) => void;
  /** With it the grant is that of a signed assertion (RFC 7523), as Google's service accounts use it to speak for a user. */
  readonly serviceAccount?: { readonly email: string; readonly privateKey: string };
}

/** Where a provider gives tokens, and for what, as their documents say. */
const PROVIDERS = {
  google: {
    tokenUrl: () => 'https://oauth2.googleapis.com/token',
    /** A refresh token has its scope in it. */
    refreshScope: undefined,
    clientScope: 'https://mail.google.com/',
  },
  microsoft: {
    tokenUrl: (tenant: string) => `https://login.microsoftonline.com/${encodeURIComponent(tenant)}/oauth2/v2.0/token`,
    refreshScope: 'https://outlook.office.com/SMTP.Send offline_access',
    clientScope: 'https://outlook.office365.com/.default',
  },
} as const;

/** A token is renewed this long before it ends, ms, or after half of its life where that is shorter. */
const MARGIN = 5 * 60_000;
/** Assumed where the server does not tell: RFC 6749 5.1 only recommends it. */
const DEFAULT_LIFE = 60 * 60_000;

interface Kept {
  readonly credentials: Token;
  readonly renewAt: Instant;
  readonly endsAt: Instant;
}

/**
 * Credentials for XOAUTH2 and OAUTHBEARER. However many connections ask, one request is under way; a token that the relay refused
 * is never given again. When a renewal fails, the old token serves until it ends. Throws CONFIG_INVALID.
 */
export function oauthCredentials(options: OAuthOptions, clock: Clock = systemClock): CredentialsProvider {
  const grant = grantOf(options);
  let kept: Kept | undefined;
  let asking: Promise<Token> | undefined;

  const ask = async (): Promise<Token> => {
    const now = clock.now();
    const given = await requestToken(await grant(now));
    const life = given.life ?? DEFAULT_LIFE;
    const credentials = { user: options.user, token: given.token };
    kept = { credentials, renewAt: now + Math.max(life / 2, life - MARGIN), endsAt: now + life };
    if (given.refreshToken !== undefined) await grant.renewed?.(given.refreshToken);
    return credentials;
  };
  const askOnce = (): Promise<Token> => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return async (rejected?: Credentials) => {
    if (rejected !== undefined && 'token' in rejected && kept?.credentials.token === rejected.token) kept = undefined;
    const now = clock.now();
    const last = kept;
    if (last !== undefined && now < last.renewAt) return last.credentials;
    try {
      return await askOnce();
    } catch (error) {
      if (last !== undefined && now < last.endsAt) return last.credentials;
      throw error;
    }
  };
}

/** A secret in a file, without the line end behind it. */
export function secretFile(path: string): () => Promise<string> {
  return async () => (await readFile(path, 'utf8')).trim();
}

/** A refresh token in a file: read before each request, and written when the server gives a new one. */
export function refreshTokenFile(path: string): Required<Pick<OAuthOptions, 'refreshToken' | 'onRefreshToken'>> {
  return {
    refreshToken: secretFile(path),
    onRefreshToken: async (refreshToken) => {
      await writeFile(`${path}.new`, `${refreshToken}\n`, { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
  };
}

/** Makes the request for a token; `renewed` keeps the refresh token that came with it. */
interface Grant {
  (now: Instant): Promise<TokenRequest>;
  renewed?: (refreshToken: string) => void | Promise<void>;
}

function grantOf(options: OAuthOptions): Grant {
  if (options.user === '') throw invalid('user is missing: the mailbox that the login is for.');
  if (options.serviceAccount !== undefined) return assertion(options, options.serviceAccount);
  if (options.clientId === undefined) throw invalid('clientId is missing.');
  if (options.refreshToken !== undefined) return refresh(options, options.refreshToken);
  return clientCredentials(options);
}

/** RFC 6749 6. */
function refresh(options: OAuthOptions, first: Secret): Grant {
  const url = tokenUrl(options);
  const scope = options.scope ?? (options.provider && PROVIDERS[options.provider].refreshScope);
  let given = '';
  /** What replaces the one that is given, until another one is: who gives it may not keep a new one. */
  let renewed: { readonly given: string; readonly by: string } | undefined;
  const grant: Grant = async () => {
    given = await read(first);
    return {
      url,
      form: {
        grant_type: 'refresh_token',
        ...(await client(options)),
        refresh_token: renewed?.given === given ? renewed.by : given,
        ...(scope !== undefined && { scope }),
      },
    };
  };
  grant.renewed = async (refreshToken) => {
    renewed = { given, by: refreshToken };
    try {
      await options.onRefreshToken?.(refreshToken);
    } catch (error) {
      options.onUnkept?.(error);
    }
  };
  return grant;
}

/** RFC 6749 4.4. */
function clientCredentials(options: OAuthOptions): Grant {
  if (options.clientSecret === undefined)
    throw invalid('a login needs refreshToken, or clientSecret for the client alone, or serviceAccount.');
  if (options.provider === 'google')
    throw invalid(
      "Google gives tokens for a client alone only to service accounts: set serviceAccount's email and privateKey.",
    );
  if (options.provider === 'microsoft' && options.tenant === undefined)
    throw invalid('Microsoft gives tokens for a client alone only in its own directory: set tenant.');
  const url = tokenUrl(options);
  const scope = options.scope ?? (options.provider && PROVIDERS[options.provider].clientScope);
  return async () => ({
    url,
    form: { grant_type: 'client_credentials', ...(await client(options)), ...(scope !== undefined && { scope }) },
  });
}

/** RFC 7523 2.1, signed as RFC 7515 and RFC 7518 3.3 say. */
function assertion(options: OAuthOptions, { email, privateKey }: { email: string; privateKey: string }): Grant {
  const url = tokenUrl(options);
  const scope = options.scope ?? (options.provider && PROVIDERS[options.provider].clientScope);
  const key = readKey(privateKey);
  return async (now) => {
    const issued = Math.floor(now / 1000);
    const claims = {
      iss: email,
      sub: options.user,
      aud: url,
      iat: issued,
      exp: issued + 3600,
      ...(scope && { scope }),
    };
    return {
      url,
      form: {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: signed({ alg: 'RS256', typ: 'JWT' }, claims, key),
      },
    };
  };
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw invalid('privateKey is no private key in PEM.');
  }
}

function signed(header: object, claims: object, key: KeyObject): string {
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key, 'base64url')}`;
}

/** RFC 6749 2.3.1: in the form, which every provider takes. */
async function client({ clientId = '', clientSecret }: OAuthOptions): Promise<Record<string, string>> {
  return { client_id: clientId, ...(clientSecret !== undefined && { client_secret: await read(clientSecret) }) };
}

function read(secret: Secret): string | Promise<string> {
  return typeof secret === 'function' ? secret() : secret;
}

function tokenUrl({ tokenUrl: given, provider, tenant = 'common' }: OAuthOptions): string {
  const text = given ?? (provider && PROVIDERS[provider].tokenUrl(tenant));
  if (text === undefined) throw invalid('give a provider (google, microsoft) or a tokenUrl.');
  const url = URL.parse(text);
  if (url === null) throw invalid('tokenUrl is no URL.');
  const here = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(here && url.protocol === 'http:'))
    throw invalid('tokenUrl must be https: secrets go there.');
  return text;
}

function invalid(message: string): PosthasteError {
  return new PosthasteError('CONFIG_INVALID', `The OAuth settings of a relay cannot be used: ${message}`);
}
