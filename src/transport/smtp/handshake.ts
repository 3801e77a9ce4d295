/** From the greeting to a connection that takes mail: EHLO, STARTTLS, EHLO again, login. Each step says what to write and gets the reply. */
import type { Reply } from '../../mail/reply.ts';
import { clearLoginFault, noLoginFault, noStartTlsFault, unexpectedFault } from '../faults.ts';
import { type Credentials, type Mechanism, mechanismsFor } from './auth.ts';
import { type Extensions, parseExtensions } from './extensions.ts';
import type { TlsLevel } from './options.ts';

export interface HandshakeOptions {
  /** `host:port`, for replies of our own. */
  readonly peer: string;
  /** Our name for EHLO. */
  readonly name: string;
  readonly tls: TlsLevel;
  /** The socket is encrypted already. */
  readonly implicitTls: boolean;
  readonly credentials: Credentials | null;
  /** The password may go over a connection without TLS. */
  readonly clearPassword: boolean;
}

/** A command to write and a reply to wait for; null: only wait for the greeting, or, at `tls`, for the TLS handshake to be done. */
export interface Step {
  readonly stage: 'greeting' | 'ehlo' | 'tls' | 'auth';
  readonly command: string | null;
}

export interface Session {
  readonly greeting: Reply;
  readonly extensions: Extensions;
  readonly encrypted: boolean;
  /** The mechanism of the login; null without one. */
  readonly mechanism: string | null;
}

/** Why the handshake came to its end. */
export class HandshakeFault extends Error {
  readonly stage: Step['stage'];
  readonly reply: Reply;

  constructor(stage: Step['stage'], reply: Reply) {
    super(reply.text);
    this.stage = stage;
    this.reply = reply;
  }
}

type Steps<Result> = Generator<Step, Result, Reply>;

/** A login that wants more answers than this is none. */
const MAX_CHALLENGES = 5;

export function* handshake(options: HandshakeOptions): Steps<Session> {
  const greeting = positive('greeting', yield { stage: 'greeting', command: null });
  let extensions = yield* hello(options.name);
  let encrypted = options.implicitTls;
  if (!encrypted && wantsTls(options, extensions)) {
    positive('tls', yield { stage: 'tls', command: 'STARTTLS' });
    yield { stage: 'tls', command: null };
    encrypted = true;
    // Whatever the relay offered in clear, somebody on the way may have written (RFC 3207 4.2).
    extensions = yield* hello(options.name);
  }
  const mechanism =
    options.credentials === null ? null : yield* login(options, options.credentials, encrypted, extensions);
  return { greeting, extensions, encrypted, mechanism };
}

/** A relay that does not know EHLO gets HELO, and offers nothing (RFC 5321 3.2). */
function* hello(name: string): Steps<Extensions> {
  const reply = yield { stage: 'ehlo', command: `EHLO ${name}` };
  if (reply.code < 500) return parseExtensions(positive('ehlo', reply));
  positive('ehlo', yield { stage: 'ehlo', command: `HELO ${name}` });
  return new Map();
}

function wantsTls({ tls, peer }: HandshakeOptions, extensions: Extensions): boolean {
  if (tls === 'none') return false;
  if (extensions.has('STARTTLS')) return true;
  if (tls === 'opportunistic') return false;
  throw new HandshakeFault('tls', noStartTlsFault(peer));
}

function* login(
  options: HandshakeOptions,
  credentials: Credentials,
  encrypted: boolean,
  extensions: Extensions,
): Steps<string> {
  const offered = extensions.get('AUTH');
  const channel = {
    verified: encrypted && options.tls === 'verified',
    clearAllowed: encrypted || options.clearPassword,
  };
  const mechanisms = mechanismsFor(offered ?? [], channel);
  if (mechanisms.length === 0) throw new HandshakeFault('auth', noMechanism(options.peer, offered));
  for (const [i, mechanism] of mechanisms.entries()) {
    const reply = yield* attempt(mechanism, credentials);
    // Offered, and yet not known: another one may be (RFC 4954 4).
    if (reply.code === 504 && i < mechanisms.length - 1) continue;
    if (reply.code === 334)
      throw new HandshakeFault('auth', unexpectedFault(options.peer, `AUTH ${mechanism.name}`, reply));
    if (positive('auth', reply)) return mechanism.name;
  }
  throw new HandshakeFault('auth', noLoginFault(options.peer, offered));
}

function noMechanism(peer: string, offered: readonly string[] | undefined): Reply {
  const known = mechanismsFor(offered ?? [], { verified: false, clearAllowed: true });
  return known.length > 0 ? clearLoginFault(peer) : noLoginFault(peer, offered);
}

function* attempt(mechanism: Mechanism, credentials: Credentials): Steps<Reply> {
  const initial = mechanism.initial(credentials);
  let reply = yield {
    stage: 'auth',
    command: `AUTH ${mechanism.name}${initial === null ? '' : ` ${base64(initial)}`}`,
  };
  for (let step = 0; reply.code === 334 && step < MAX_CHALLENGES; step++) {
    const challenge = Buffer.from(reply.text, 'base64').toString('utf8');
    reply = yield { stage: 'auth', command: base64(mechanism.answer(credentials, challenge, step)) };
  }
  return reply;
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

function positive(stage: Step['stage'], reply: Reply): Reply {
  if (reply.code >= 300) throw new HandshakeFault(stage, reply);
  return reply;
}
