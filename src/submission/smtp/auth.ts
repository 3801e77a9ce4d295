/** The conversation of a login: PLAIN (RFC 4616) and LOGIN, as SASL in SMTP has them (RFC 4954). */
import { LOGIN_CANCELLED, LOGIN_MALFORMED, type Rejection } from '../rejections.ts';

export type Mechanism = 'PLAIN' | 'LOGIN';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** The next thing to ask the client, base64. */
export interface Challenge {
  readonly challenge: string;
}

export function isMechanism(name: string): name is Mechanism {
  return name === 'PLAIN' || name === 'LOGIN';
}

const ASK_USER: Challenge = { challenge: Buffer.from('Username:').toString('base64') };
const ASK_PASSWORD: Challenge = { challenge: Buffer.from('Password:').toString('base64') };

export class LoginExchange {
  readonly #mechanism: Mechanism;
  #user: string | undefined;

  constructor(mechanism: Mechanism) {
    this.#mechanism = mechanism;
  }

  /** What the server says first, when the client sent nothing along with AUTH. */
  begin(): Challenge {
    return this.#mechanism === 'PLAIN' ? { challenge: '' } : ASK_USER;
  }

  /** The client's next answer, base64; `=` stands for an empty one, `*` cancels (RFC 4954 4). */
  answer(line: string): Challenge | Credentials | Rejection {
    if (line === '*') return LOGIN_CANCELLED;
    const text = line === '=' ? '' : decodeBase64(line);
    if (text === undefined) return LOGIN_MALFORMED;
    if (this.#mechanism === 'PLAIN') return plainCredentials(text);
    if (this.#user !== undefined) return { user: this.#user, password: text };
    this.#user = text;
    return ASK_PASSWORD;
  }
}

/** `authorization NUL user NUL password`; nobody may act for somebody else. */
function plainCredentials(text: string): Credentials | Rejection {
  const [authorization, user, password, ...more] = text.split('\0');
  if (user === undefined || password === undefined || more.length > 0) return LOGIN_MALFORMED;
  if (authorization !== '' && authorization !== user) return LOGIN_MALFORMED;
  return { user, password };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeBase64(line: string): string | undefined {
  if (line.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(line)) return undefined;
  try {
    return utf8.decode(Buffer.from(line, 'base64'));
  } catch {
    return undefined;
  }
}
