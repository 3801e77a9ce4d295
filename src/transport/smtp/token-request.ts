/** One request to a token server, and what it answered (RFC 6749 5). Nothing of a secret is ever in an error's text. */
import { printable } from '../../mail/reply.ts';
import { hideSecrets } from '../../runtime/secrets.ts';

export interface TokenRequest {
  readonly url: string;
  readonly form: Readonly<Record<string, string>>;
}

export interface GivenToken {
  readonly token: string;
  /** How long it lasts, ms; absent where the server does not tell. */
  readonly life?: number;
  /** Replaces the one that was used. */
  readonly refreshToken?: string;
}

const TIMEOUT = 30_000;
/** Octets; an answer is a few thousand. */
const MAX_ANSWER = 64 * 1024;
const MAX_TEXT = 300;
/** In the form that is sent. */
const SECRETS = ['client_secret', 'refresh_token', 'assertion'];

/** Throws an Error with a sentence for people when there is no token. */
export async function requestToken({ url, form }: TokenRequest): Promise<GivenToken> {
  const server = new URL(url).host;
  const { status, body } = await post(server, url, form);
  const { access_token: token, expires_in: seconds, refresh_token: refreshToken } = body;
  if (status !== 200 || typeof token !== 'string' || token === '')
    throw new Error(refusal(server, status, hideSecrets(saidIn(body), secretsOf(form)), body.error));
  // It goes into a line of SMTP.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(`the token that ${server} gave has characters that no token has`);
  const life = Number(seconds) * 1000;
  return {
    token,
    ...(Number.isFinite(life) && life > 0 && { life }),
    ...(typeof refreshToken === 'string' && refreshToken !== '' && { refreshToken }),
  };
}

type Body = Readonly<Record<string, unknown>>;

async function post(
  server: string,
  url: string,
  form: Readonly<Record<string, string>>,
): Promise<{ status: number; body: Body }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { accept: 'application/json' },
      // A secret goes to the server that was named, and to no other.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT),
    });
    return { status: response.status, body: parse(await readText(response)) };
  } catch (error) {
    throw new Error(`no answer from the token server ${server}: ${reason(error)}`, { cause: error });
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What is no JSON object has nothing to say. */
function parse(text: string): Body {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Body) : {};
  } catch {
    return {};
  }
}

/** RFC 6749 5.2. */
function saidIn({ error, error_description: description }: Body): string {
  return [error, description].filter((part) => typeof part === 'string').join(': ');
}

/** Servers exist that repeat what they were sent. */
function secretsOf(form: TokenRequest['form']): readonly string[] {
  return SECRETS.map((name) => form[name] ?? '').flatMap((secret) => [secret, encodeURIComponent(secret)]);
}

function refusal(server: string, status: number, said: string, error: unknown): string {
  const hint = error === 'invalid_grant' ? ' (the refresh token or the consent has ended: authorize anew)' : '';
  return `the token server ${server} gave no token (HTTP ${status})${said === '' ? '' : `: ${printable(said).slice(0, MAX_TEXT)}`}${hint}`;
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
