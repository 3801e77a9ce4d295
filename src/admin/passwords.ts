/** Access by name and password: a session for people, Basic (RFC 7617) for programs. */
import { printable } from '../mail/reply.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { Turnstile } from '../runtime/turnstile.ts';
import type { Access, Login, Peer, Principal, Role } from './access.ts';
import type { LoginTrail } from './login-trail.ts';
import { Refusal } from './problem.ts';
import { Sessions } from './sessions.ts';
import { Tries } from './tries.ts';

export interface PasswordParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly trail: LoginTrail;
  /** Checks a password in a time that tells nothing. */
  readonly authenticate: (name: string, password: string) => Promise<boolean>;
  readonly roles: ReadonlyMap<string, Role>;
}

/** Characters of a name or a password: longer ones cost time to no end. */
const MAX_SECRET = 1_000;
/** Passwords that are checked at one time: each takes 16 MB. */
const PARALLEL = 4;
/** That wait for their turn, or are checked. */
const MOST_WAITING = 100;
/** How soon those may come back who found no place, ms. */
const FULL = 1_000;
/** Pairs of address and name that are remembered to have logged in. */
const MOST_KNOWN = 1_000;

export class PasswordAccess implements Access {
  readonly kind = 'password';
  readonly #parts: PasswordParts;
  readonly #tries: Tries;
  readonly #sessions: Sessions;
  /** Who logged in from where: what strangers try under the same name, or from there under others, does not keep them out. */
  readonly #known = new Set<string>();
  readonly #turnstile = new Turnstile(PARALLEL);
  #waiting = 0;

  constructor(parts: PasswordParts) {
    this.#parts = parts;
    this.#tries = new Tries(parts.clock);
    this.#sessions = new Sessions(parts.clock);
  }

  async whoIs(request: Request, peer: Peer): Promise<Principal | null> {
    const basic = basicOf(request);
    if (basic !== null) return this.#check(peer, basic.name, basic.password);
    const name = this.#sessions.nameOf(request);
    return name === null ? null : this.#principal(name);
  }

  readonly login = async (request: Request, peer: Peer, name: string, password: string): Promise<Login> => {
    const who = await this.#check(peer, name, password);
    const secure = request.headers.get('origin')?.startsWith('https:') === true;
    this.#parts.log.info({ by: name, from: peer }, 'login');
    this.#parts.trail.entered(who, peer);
    return { who, cookie: this.#sessions.begin(request, name, secure) };
  };

  readonly logout = (request: Request): string => this.#sessions.end(request);

  async #check(peer: Peer, name: string, password: string): Promise<Principal> {
    if (this.#waiting >= MOST_WAITING) throw tooMany(FULL);
    this.#waiting++;
    try {
      return await this.#turnstile.pass(() => this.#checkNow(peer, name, password));
    } finally {
      this.#waiting--;
    }
  }

  async #checkNow(peer: Peer, name: string, password: string): Promise<Principal> {
    const keys = keysOf(peer, name);
    const isKnown = this.#known.has(keys.pair);
    const wait = this.#tries.wait(...(isKnown ? [keys.pair] : [keys.peer, keys.name]));
    if (wait > 0) throw tooMany(wait);
    const right =
      name.length <= MAX_SECRET && password.length <= MAX_SECRET && (await this.#parts.authenticate(name, password));
    const who = right ? this.#principal(name) : null;
    if (who === null) {
      this.#tries.failed(keys.peer, keys.pair, ...(isKnown ? [] : [keys.name]));
      throw this.#refused(peer, name);
    }
    // Another name may have been tried from there, and this one from elsewhere.
    this.#tries.forgive(keys.pair, keys.peer);
    if (!isKnown) this.#tries.succeeded(keys.name);
    if (this.#known.size < MOST_KNOWN) this.#known.add(keys.pair);
    return who;
  }

  #refused(peer: Peer, name: string): Refusal {
    const given = printable(name.slice(0, 64));
    this.#parts.log.warn({ by: given, from: peer }, 'login refused');
    this.#parts.trail.refused(given, peer);
    return new Refusal('LOGIN_REQUIRED', 'The name or the password is wrong.');
  }

  #principal(name: string): Principal | null {
    const role = this.#parts.roles.get(name);
    return role === undefined ? null : { name, role };
  }
}

/** By what failures are counted. What is remembered of those who fail must not grow with what they send. */
function keysOf(peer: Peer, name: string): { readonly peer: string; readonly name: string; readonly pair: string } {
  const short = name.slice(0, MAX_SECRET);
  return { peer: `peer ${peer}`, name: `name ${short}`, pair: `pair ${peer} ${short}` };
}

function tooMany(wait: number): Refusal {
  const seconds = Math.ceil(wait / 1_000);
  const headers = { 'retry-after': String(seconds) };
  return new Refusal('TOO_MANY_TRIES', `Too many logins were tried: try again in ${seconds} s.`, { headers });
}

/** No answer ever asks a browser for Basic: it would send it along with what other sites ask for. */
function basicOf(request: Request): { readonly name: string; readonly password: string } | null {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,4096})$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  if (encoded === undefined) return null;
  const [, name, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  return name === undefined || password === undefined ? null : { name, password };
}
