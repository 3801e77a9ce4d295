/** Whether a DKIM key of the settings can sign, and whether DNS tells verifiers the same key. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { openKeys, type SignerEntry, type SigningKey, UnusableKey } from './dkim.ts';

/** `warning`: mail is signed, and verifiers may find no use in it. */
export interface DkimReport {
  readonly level: 'ok' | 'warning' | 'fault';
  /** With a fault: the part of the entry that has it. */
  readonly part?: keyof SignerEntry;
  /** One sentence, that a person can act on. */
  readonly text: string;
}

/** Asks for the TXT records of a name. */
export type AskTxt = (name: string) => Promise<readonly (readonly string[])[]>;

/** RFC 8301 3.2: signers should use keys that long. */
const GOOD_KEY_BITS = 2048;
/** A person waits before the terminal, ms. */
const DNS_TIMEOUT = 4_000;

/** A report for each entry, in their order. Opens the keys as a signer does. */
export function checkDkim(entries: readonly SignerEntry[], ask: AskTxt = askDns): Promise<readonly DkimReport[]> {
  return Promise.all(openKeys(entries).map((key) => (key instanceof UnusableKey ? faultOf(key) : compare(key, ask))));
}

function faultOf({ part, message }: UnusableKey): DkimReport {
  const advice = part === 'key' ? ' Make one: openssl genrsa -out FILE 2048' : '';
  return { level: 'fault', part, text: `${message}${advice}` };
}

async function compare(key: SigningKey, ask: AskTxt): Promise<DkimReport> {
  const bits = key.key.asymmetricKeyDetails?.modulusLength ?? 0;
  const signs = `${key.domain} signs with RSA ${bits}`;
  const published = await publication(key, ask);
  if (published !== undefined) return { level: 'warning', text: `${signs}, but ${published}` };
  const name = nameOf(key);
  if (bits >= GOOD_KEY_BITS) return { level: 'ok', text: `${signs}, and DNS has its public key at ${name}` };
  return {
    level: 'warning',
    text: `${signs}, and DNS has its public key; make a key of ${GOOD_KEY_BITS} bits, with a selector of its own`,
  };
}

function nameOf({ domain, selector }: SigningKey): string {
  return `${selector}._domainkey.${domain}`;
}

/** What is not well with the public key in DNS, and what to do; undefined: nothing. */
async function publication(key: SigningKey, ask: AskTxt): Promise<string | undefined> {
  const name = nameOf(key);
  const publish = `publish this TXT record there: ${recordOf(key.key)}`;
  let records: readonly string[];
  try {
    records = (await ask(name)).map((chunks) => chunks.join(''));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return `DNS has nothing at ${name}: ${publish}`;
    return `DNS could not be asked for ${name} (${code ?? messageOf(error)}): look with dig TXT ${name}`;
  }
  const keys = records.map(keyIn).filter((found) => found !== undefined);
  if (keys.length > 1) return `DNS has ${keys.length} keys at ${name}, and verifiers take any of them: leave only one`;
  const [found] = keys;
  if (found === undefined) return `DNS has no key at ${name}: ${publish}`;
  if (found === '') return `DNS says at ${name} that the key is revoked: make a new one with another selector`;
  return forms(key.key).includes(found) ? undefined : `DNS has another key at ${name}: ${publish}`;
}

/** `p=` of a key record (RFC 6376 3.6.1), without the white space that it may have; undefined for other records. */
function keyIn(record: string): string | undefined {
  const tags = record.split(';').map((tag) => /^\s*([a-z]\w*)\s*=\s*(.*?)\s*$/is.exec(tag));
  const value = (name: string): string | undefined => tags.find((tag) => tag?.[1] === name)?.[2];
  return (value('v') ?? 'DKIM1') === 'DKIM1' ? value('p')?.replace(/\s/g, '') : undefined;
}

function recordOf(key: KeyObject): string {
  return `v=DKIM1; k=rsa; p=${forms(key)[0]}`;
}

/** RFC 6376 3.6.1 names the second one; what everybody publishes is the first, and verifiers take both. */
function forms(key: KeyObject): readonly string[] {
  const publicKey = createPublicKey(key);
  return (['spki', 'pkcs1'] as const).map((type) => publicKey.export({ type, format: 'der' }).toString('base64'));
}

async function askDns(name: string): Promise<readonly (readonly string[])[]> {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT / 2, tries: 1 });
  // With several servers, and with retries over TCP, the resolver's own limit is only for each.
  const timer = setTimeout(() => resolver.cancel(), DNS_TIMEOUT);
  return resolver.resolveTxt(name).finally(() => clearTimeout(timer));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
