/** Login mechanisms: each a small function from credentials to what it says, so that a further one is an entry in a list (RFC 4954). */
import { createHmac } from 'node:crypto';
import type { Credentials, Password, Token } from './credentials.ts';

/** A login that is about to be tried. */
export interface Mechanism {
  readonly name: string;
  /** Whoever reads along learns the secret. */
  readonly clear: boolean;
  /** May be sent together with AUTH; null where the relay speaks first. */
  readonly initial: string | null;
  /** The answer to the relay's challenge number `step`, from 0. */
  answer(challenge: string, step: number): string;
}

/** Where the login goes to: OAUTHBEARER names it. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** RFC 4616. Its answer serves relays that ignore the initial response and ask for it. */
function plain({ user, password }: Password): Mechanism {
  const said = `\0${user}\0${password}`;
  return { name: 'PLAIN', clear: true, initial: said, answer: () => said };
}

/** Nobody's standard and everybody's habit: asks for the user name, then for the password. */
function login({ user, password }: Password): Mechanism {
  return { name: 'LOGIN', clear: true, initial: null, answer: (_challenge, step) => (step === 0 ? user : password) };
}

/** RFC 2195: proves that we know the password without saying it. */
function cramMd5({ user, password }: Password): Mechanism {
  const digest = (challenge: string): string => createHmac('md5', password).update(challenge).digest('hex');
  return { name: 'CRAM-MD5', clear: false, initial: null, answer: (challenge) => `${user} ${digest(challenge)}` };
}

/** As Google and Microsoft describe it. A challenge tells of an error, and an empty answer fetches the reply. */
function xoauth2({ user, token }: Token): Mechanism {
  return {
    name: 'XOAUTH2',
    clear: true,
    initial: `user=${user}\x01auth=Bearer ${token}\x01\x01`,
    answer: () => '',
  };
}

/** RFC 7628 3.1; a challenge tells of an error, and a lone ^A fetches the reply (3.2.3). */
function oauthBearer({ user, token }: Token, { host, port }: Target): Mechanism {
  // RFC 5801 4: what would end the name is written otherwise.
  const name = user.replaceAll('=', '=3D').replaceAll(',', '=2C');
  return {
    name: 'OAUTHBEARER',
    clear: true,
    initial: `n,a=${name},\x01host=${host}\x01port=${port}\x01auth=Bearer ${token}\x01\x01`,
    answer: () => '\x01',
  };
}

/** What is known of the connection. */
export interface LoginChannel {
  /** The relay has proved its name. */
  readonly verified: boolean;
  /** A secret may be said in clear. */
  readonly clearAllowed: boolean;
}

/**
 * The mechanisms to try, best first. To a relay whose certificate was verified PLAIN is the safest, because every server checks it
 * against any form of stored password; to one that may be somebody else, the one that does not say the password. Of those for
 * tokens XOAUTH2 is first: it is the one that both large providers describe.
 */
export function mechanismsFor(
  offered: readonly string[],
  credentials: Credentials,
  target: Target,
  channel: LoginChannel,
): Mechanism[] {
  return preferred(credentials, target, channel.verified).filter(
    (mechanism) => offered.includes(mechanism.name) && (channel.clearAllowed || !mechanism.clear),
  );
}

function preferred(credentials: Credentials, target: Target, verified: boolean): Mechanism[] {
  if ('token' in credentials) return [xoauth2(credentials), oauthBearer(credentials, target)];
  const [said, asked, proved] = [plain(credentials), login(credentials), cramMd5(credentials)];
  return verified ? [said, asked, proved] : [proved, said, asked];
}
