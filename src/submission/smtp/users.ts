/** Who may log in, and the check of a password in a time that tells nothing. */
import { createHash, createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { PosthasteError } from '../../errors.ts';

export interface User {
  readonly name: string;
  /** In plain text, or `scrypt$N$r$p$salt$hash` with salt and hash in base64url. */
  readonly password: string;
}

export type Authenticate = (user: string, password: string) => Promise<boolean>;

interface Hash {
  readonly cost: ScryptOptions;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** 16 MB and some tenths of a second; OWASP's password sheet gives it as equal to its first choice, which takes 128 MB. */
const COST = { N: 2 ** 14, r: 8, p: 5 };
const HASH_LENGTH = 32;
/** Memory that one check may take: 128 N r octets, and some more. */
const MAX_MEMORY = 256 * 1024 * 1024;

const ENTRY = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]+)\$([\w-]+)$/;

/** A password as it may stand in the settings. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, HASH_LENGTH, COST);
  return `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/**
 * Makes the check for a list of users. Where all passwords are kept in one way, an unknown name takes as long as a wrong
 * password. A right one is quick from its second time on: programs that log in for each message would else wait for scrypt each
 * time. Throws CONFIG_INVALID for a hash that cannot be read.
 */
export function authenticator(users: readonly User[]): Authenticate {
  const known = new Map(users.map((user) => [user.name, readPassword(user)]));
  const stranger =
    [...known.values()].find((password) => typeof password !== 'string') ?? randomBytes(16).toString('hex');
  const key = randomBytes(32);
  const seen = new Map<string, Buffer>();
  return async (name, password) => {
    const trace = createHmac('sha256', key).update(password).digest();
    const before = seen.get(name);
    if (before !== undefined && timingSafeEqual(before, trace)) return true;
    const expected = known.get(name);
    const right = (await matches(password, expected ?? stranger)) && expected !== undefined;
    if (right) seen.set(name, trace);
    return right;
  };
}

function readPassword({ name, password }: User): string | Hash {
  if (!password.startsWith('scrypt$')) return password;
  const [, n, r, p, salt = '', hash = ''] = ENTRY.exec(password) ?? [];
  const cost = { N: Number(n), r: Number(r), p: Number(p) };
  const sound =
    cost.N > 1 && Math.log2(cost.N) % 1 === 0 && cost.r > 0 && cost.p > 0 && 128 * cost.N * cost.r < MAX_MEMORY;
  if (!sound)
    throw new PosthasteError(
      'CONFIG_INVALID',
      `The password of user ${name} begins like a hash and is none: write scrypt$N$r$p$salt$hash.`,
    );
  return { cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

async function matches(password: string, expected: string | Hash): Promise<boolean> {
  if (typeof expected !== 'string') {
    return timingSafeEqual(await derive(password, expected.salt, expected.hash.length, expected.cost), expected.hash);
  }
  return timingSafeEqual(digest(password), digest(expected));
}

/** Equal lengths for an equal time, whatever the passwords are. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function derive(password: string, salt: Buffer, length: number, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, length, { ...cost, maxmem: 2 * MAX_MEMORY }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
