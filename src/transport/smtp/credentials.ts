/** Who we are to a relay, and where that is known from: fixed, from a file, or from whoever can say it anew. */
import { readFile } from 'node:fs/promises';

/** For the mechanisms that know a password. */
export interface Password {
  readonly user: string;
  readonly password: string;
}

/** For XOAUTH2 and OAUTHBEARER: an access token of OAuth 2.0. */
export interface Token {
  readonly user: string;
  readonly token: string;
}

export type Credentials = Password | Token;

/**
 * Asked at each new connection, so that a changed password needs no restart. `rejected` is what the relay has refused on this
 * connection: other credentials are tried once, the same ones are not tried again. Throws where there are none: mail waits then.
 */
export type CredentialsProvider = (rejected?: Credentials) => Promise<Credentials>;

export type Login = Credentials | CredentialsProvider;

export function isSame(a: Credentials, b: Credentials): boolean {
  return a.user === b.user && secretOf(a) === secretOf(b);
}

/** What nobody else may know. */
export function secretOf(credentials: Credentials): string {
  return 'token' in credentials ? credentials.token : credentials.password;
}

/**
 * Credentials from a file that is read again for each connection. With `user` it holds the password alone (its last line end is not
 * part of it); without, JSON: `{ "user": ..., "password": ... }` or `{ "user": ..., "token": ... }`.
 */
export function fileCredentials(path: string, user?: string): CredentialsProvider {
  return async () => {
    const text = await readFile(path, 'utf8');
    return user === undefined ? parse(path, text) : { user, password: text.replace(/\r?\n$/, '') };
  };
}

function parse(path: string, text: string): Credentials {
  const { user, password, token } = readObject(path, text);
  if (typeof user === 'string' && typeof token === 'string') return { user, token };
  if (typeof user === 'string' && typeof password === 'string') return { user, password };
  throw new Error(`${path} has no "user" with "password" or "token"`);
}

/** Without the words of JSON.parse, which quote what they cannot read: it is a secret. */
function readObject(path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Its message quotes the text: the error below says as much as may be said.
  }
  throw new Error(`${path} holds no JSON object`);
}
