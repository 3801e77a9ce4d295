/** What a scripted relay says in a login: a challenge, welcome, or that it knows no such user. */
import { createHmac } from 'node:crypto';

/** Who may log in, and how. */
export interface RelayLogin {
  readonly user: string;
  readonly password: string;
  readonly mechanisms: readonly string[];
  /** Further users and their passwords. */
  readonly others?: Readonly<Record<string, string>>;
  /** The access tokens that are good now. */
  readonly tokens?: ReadonlySet<string>;
}

/** `answers` are those so far, decoded; `user`: null where they are wrong. */
export type LoginTurn = { readonly challenge: string } | { readonly user: string | null };

const CHALLENGE = '<1896.697170952@scripted.example>';
const REFUSAL = '{"status":"invalid_token","schemes":"bearer"}';

export function loginTurn(login: RelayLogin, mechanism: string, answers: readonly string[]): LoginTurn {
  if (mechanism === 'PLAIN') return answers.length === 0 ? { challenge: '' } : plain(login, answers[0] as string);
  if (mechanism === 'LOGIN') return asked(login, answers);
  if (mechanism === 'CRAM-MD5') return proved(login, answers);
  return bearer(login, answers);
}

function known(login: RelayLogin, user: string | undefined, password: string | undefined): LoginTurn {
  const passwords: Record<string, string> = { ...login.others, [login.user]: login.password };
  return { user: user !== undefined && passwords[user] === password ? user : null };
}

function plain(login: RelayLogin, answer: string): LoginTurn {
  const [, user, password] = answer.split('\0');
  return known(login, user, password);
}

function asked(login: RelayLogin, answers: readonly string[]): LoginTurn {
  if (answers.length < 2) return { challenge: answers.length === 0 ? 'Username:' : 'Password:' };
  return known(login, answers[0], answers[1]);
}

function proved({ user, password }: RelayLogin, answers: readonly string[]): LoginTurn {
  if (answers.length === 0) return { challenge: CHALLENGE };
  const digest = createHmac('md5', password).update(CHALLENGE).digest('hex');
  return { user: answers[0] === `${user} ${digest}` ? user : null };
}

/** XOAUTH2 and OAUTHBEARER: a token that is refused gets a challenge with the reason, and then 535. */
function bearer({ tokens }: RelayLogin, answers: readonly string[]): LoginTurn {
  if (answers.length === 0) return { challenge: '' };
  if (answers.length > 1) return { user: null };
  const [head = '', ...rest] = (answers[0] as string).split('\x01');
  const user = head.replace(/^(?:user=|n,a=)/, '').replace(/,$/, '');
  const token = rest.find((part) => part.startsWith('auth='))?.replace(/^auth=Bearer /, '');
  return token !== undefined && tokens?.has(token) ? { user } : { challenge: REFUSAL };
}
