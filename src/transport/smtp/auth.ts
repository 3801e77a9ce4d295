/** Login mechanisms: each a small object, so that a further one is an entry in a list (RFC 4954). */
import { createHmac } from 'node:crypto';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface Mechanism {
  readonly name: string;
  /** Whoever reads along learns the password. */
  readonly clear: boolean;
  /** Sent together with AUTH; null where the relay speaks first. */
  initial(credentials: Credentials): string | null;
  /** The answer to the relay's challenge number `step`, from 0. */
  answer(credentials: Credentials, challenge: string, step: number): string;
}

/** RFC 4616. Its answer serves relays that ignore the initial response and ask for it. */
const plain: Mechanism = {
  name: 'PLAIN',
  clear: true,
  initial: ({ user, password }) => `\0${user}\0${password}`,
  answer: ({ user, password }) => `\0${user}\0${password}`,
};

/** Nobody's standard and everybody's habit: asks for the user name, then for the password. */
const login: Mechanism = {
  name: 'LOGIN',
  clear: true,
  initial: () => null,
  answer: ({ user, password }, _challenge, step) => (step === 0 ? user : password),
};

/** RFC 2195: proves that we know the password without saying it. */
const cramMd5: Mechanism = {
  name: 'CRAM-MD5',
  clear: false,
  initial: () => null,
  answer: ({ user, password }, challenge) => `${user} ${createHmac('md5', password).update(challenge).digest('hex')}`,
};

/**
 * The mechanisms to try, best first. To a relay whose certificate was verified PLAIN is the safest, because every server checks it
 * against any form of stored password; to one that may be somebody else, the one that does not say the password.
 */
export function mechanismsFor(
  offered: readonly string[],
  channel: { verified: boolean; clearAllowed: boolean },
): Mechanism[] {
  const preference = channel.verified ? [plain, login, cramMd5] : [cramMd5, plain, login];
  return preference.filter(
    (mechanism) => offered.includes(mechanism.name) && (channel.clearAllowed || !mechanism.clear),
  );
}
