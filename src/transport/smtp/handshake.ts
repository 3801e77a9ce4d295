/** From the greeting to a connection that takes mail: EHLO, STARTTLS, EHLO again, login. */
import type { Reply } from '../../mail/reply.ts';
import { noStartTlsFault } from '../faults.ts';
import type { Target } from './auth.ts';
import { type Extensions, parseExtensions } from './extensions.ts';
import { login } from './login.ts';
import type { TlsLevel } from './options.ts';
import { command, HandshakeFault, type OpeningStage, type Steps } from './steps.ts';

export interface HandshakeOptions {
  /** `host:port`, for replies of our own. */
  readonly peer: string;
  readonly target: Target;
  /** Our name for EHLO. */
  readonly name: string;
  readonly tls: TlsLevel;
  /** The socket is encrypted already. */
  readonly implicitTls: boolean;
  /** Whoever encrypts has proved who it is: by a certificate that was verified, or that is the pinned one. */
  readonly proved: boolean;
  /** Log in; the credentials are asked for when they are needed. */
  readonly login: boolean;
  /** The password may go over a connection without TLS. */
  readonly clearPassword: boolean;
}

export interface Session {
  readonly greeting: Reply;
  readonly extensions: Extensions;
  readonly encrypted: boolean;
  /** The mechanism of the login; null without one. */
  readonly mechanism: string | null;
}

export function* handshake(options: HandshakeOptions): Steps<Session> {
  const greeting = positive('greeting', yield* command('greeting', null));
  let extensions = yield* hello(options.name);
  let encrypted = options.implicitTls;
  if (!encrypted && wantsTls(options, extensions)) {
    positive('tls', yield* command('tls', 'STARTTLS'));
    yield { wants: 'tls', stage: 'tls' };
    encrypted = true;
    // Whatever the relay offered in clear, somebody on the way may have written (RFC 3207 4.2).
    extensions = yield* hello(options.name);
  }
  const mechanism = options.login ? yield* logIn(options, encrypted, extensions) : null;
  return { greeting, extensions, encrypted, mechanism };
}

/** A relay that does not know EHLO gets HELO, and offers nothing (RFC 5321 3.2). */
function* hello(name: string): Steps<Extensions> {
  const reply = yield* command('ehlo', `EHLO ${name}`);
  if (reply.code < 500) return parseExtensions(positive('ehlo', reply));
  positive('ehlo', yield* command('ehlo', `HELO ${name}`));
  return new Map();
}

function wantsTls({ tls, peer }: HandshakeOptions, extensions: Extensions): boolean {
  if (tls === 'none') return false;
  if (extensions.has('STARTTLS')) return true;
  if (tls === 'opportunistic') return false;
  throw new HandshakeFault('tls', noStartTlsFault(peer));
}

function logIn(options: HandshakeOptions, encrypted: boolean, extensions: Extensions): Steps<string> {
  return login({
    peer: options.peer,
    target: options.target,
    offered: extensions.get('AUTH'),
    verified: encrypted && options.proved,
    clearAllowed: encrypted || options.clearPassword,
  });
}

function positive(stage: OpeningStage, reply: Reply): Reply {
  if (reply.code >= 300) throw new HandshakeFault(stage, reply);
  return reply;
}
