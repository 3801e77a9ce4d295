/** Sessions as signed cookies: nothing is kept of them but those that were ended, and a restart ends all. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock, Instant } from '../runtime/clock.ts';

const COOKIE = 'posthaste_session';
/** A working day, ms. */
const LIFE = 12 * 60 * 60_000;

interface Session {
  readonly name: string;
  readonly until: Instant;
  readonly nonce: string;
}

export class Sessions {
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  /** By nonce, until when they would have lasted. */
  readonly #ended = new Map<string, Instant>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The value of Set-Cookie, for who came with this request. `secure`: the browser came by https. */
  begin(request: Request, name: string, secure: boolean): string {
    const session: Session = { name, until: this.#clock.now() + LIFE, nonce: randomBytes(12).toString('base64url') };
    const text = Buffer.from(JSON.stringify(session)).toString('base64url');
    return cookie(request, `${text}.${this.#sign(text)}`, LIFE / 1_000, secure);
  }

  /** Whose session the request shows; null: none that holds. */
  nameOf(request: Request): string | null {
    return this.#read(request)?.name ?? null;
  }

  /** The value of Set-Cookie that takes the cookie away; its copies are worth nothing either. */
  end(request: Request): string {
    const session = this.#read(request);
    const now = this.#clock.now();
    for (const [nonce, until] of this.#ended) if (until < now) this.#ended.delete(nonce);
    if (session !== null) this.#ended.set(session.nonce, session.until);
    return cookie(request, '', 0, false);
  }

  #read(request: Request): Session | null {
    const [text = '', signature = ''] = cookieOf(request).split('.');
    const expected = Buffer.from(this.#sign(text));
    const given = Buffer.from(signature);
    if (text === '' || given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    const session = JSON.parse(Buffer.from(text, 'base64url').toString()) as Session;
    return session.until > this.#clock.now() && !this.#ended.has(session.nonce) ? session : null;
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

/** Browsers send a cookie to all ports of a host (RFC 6265 8.5): without the port in its name another posthaste there would replace it. */
function nameFor(request: Request): string {
  const port = /:(\d{1,5})$/.exec(request.headers.get('host') ?? '')?.[1];
  return port === undefined ? COOKIE : `${COOKIE}_${port}`;
}

function cookie(request: Request, value: string, maxAge: number, secure: boolean): string {
  const attributes = `Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  return `${nameFor(request)}=${value}; ${attributes}`;
}

function cookieOf(request: Request): string {
  const begin = `${nameFor(request)}=`;
  const pairs = (request.headers.get('cookie') ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(begin))?.slice(begin.length) ?? '';
}
