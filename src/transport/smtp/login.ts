/** The login as steps: which mechanisms, in which order, and once more with other credentials where the first were refused (RFC 4954). */
import type { Reply } from '../../mail/reply.ts';
import { clearLoginFault, noLoginFault, unexpectedFault } from '../faults.ts';
import { type LoginChannel, type Mechanism, mechanismsFor, type Target } from './auth.ts';
import { type Credentials, isSame } from './credentials.ts';
import { askCredentials, command, HandshakeFault, type Steps } from './steps.ts';

export interface LoginOptions extends LoginChannel {
  /** `host:port`, for replies of our own. */
  readonly peer: string;
  readonly target: Target;
  /** What the relay offers; undefined: no login at all. */
  readonly offered: readonly string[] | undefined;
}

/** What a relay said of a login. `told`: it gave a reason in a challenge, as it does for a token that it refuses. */
interface Answer {
  readonly mechanism: string;
  readonly reply: Reply;
  readonly told: string | null;
}

/** A login that wants more answers than this is none. */
const MAX_CHALLENGES = 5;
/** RFC 4954 4: AUTH with its initial response must fit into a command line (RFC 5321 4.5.3.1.4), its line end included. */
const MAX_LINE = 512;
/** Of a reason that came in a challenge. */
const MAX_TOLD = 300;

/** The name of the mechanism that worked. */
export function* login(options: LoginOptions): Steps<string> {
  const credentials = yield* askCredentials(null);
  let answer = yield* logIn(options, credentials);
  if (isRejection(answer)) {
    const others = yield* askCredentials({ credentials, reply: explained(answer) });
    if (!isSame(others, credentials)) answer = yield* logIn(options, others);
  }
  if (answer.reply.code >= 300) throw new HandshakeFault('auth', explained(answer));
  return answer.mechanism;
}

/** The credentials are to blame, as far as the relay says. */
function isRejection({ reply, told }: Answer): boolean {
  return reply.code === 535 || (told !== null && reply.code >= 400 && reply.code !== 421);
}

function* logIn(options: LoginOptions, credentials: Credentials): Steps<Answer> {
  const { offered = [], target, peer } = options;
  const mechanisms = mechanismsFor(offered, credentials, target, options);
  for (const [i, mechanism] of mechanisms.entries()) {
    const answer = yield* attempt(mechanism);
    // Offered, and yet not known: another one may be (RFC 4954 4).
    if (answer.reply.code === 504 && i < mechanisms.length - 1) continue;
    if (answer.reply.code === 334)
      throw new HandshakeFault('auth', unexpectedFault(peer, `AUTH ${mechanism.name}`, answer.reply));
    return answer;
  }
  throw new HandshakeFault('auth', noMechanism(options, credentials));
}

function noMechanism({ peer, offered, target }: LoginOptions, credentials: Credentials): Reply {
  const inClear = mechanismsFor(offered ?? [], credentials, target, { verified: false, clearAllowed: true });
  return inClear.length > 0 ? clearLoginFault(peer) : noLoginFault(peer, offered, 'token' in credentials);
}

function* attempt(mechanism: Mechanism): Steps<Answer> {
  const start = `AUTH ${mechanism.name}`;
  const whole = mechanism.initial === null ? start : `${start} ${base64(mechanism.initial)}`;
  const fits = whole.length + 2 <= MAX_LINE;
  /** Still to be said, because it was too long for the line. */
  let initial = fits ? null : mechanism.initial;
  let told: string | null = null;
  let reply = yield* command('auth', fits ? whole : start);
  for (let step = 0; reply.code === 334 && step < MAX_CHALLENGES; step++) {
    const challenge = Buffer.from(reply.text, 'base64').toString('utf8');
    if (initial === null && challenge.startsWith('{')) told = challenge;
    reply = yield* command('auth', base64(initial ?? mechanism.answer(challenge, step)));
    initial = null;
  }
  return { mechanism: mechanism.name, reply, told };
}

/** With the reason of the challenge: RFC 7628 3.2.2 puts there what the reply often leaves out. */
function explained({ reply, told }: Answer): Reply {
  return told === null ? reply : { ...reply, text: `${reply.text} (${told.slice(0, MAX_TOLD)})` };
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
