/** DKIM signatures (RFC 6376) by the domain of the From field, computed while a content comes. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { domainToASCII } from 'node:url';
import addressparser from 'nodemailer/lib/addressparser';
import MessageParser, { type MessageParserHeaderLine } from 'nodemailer/lib/dkim/message-parser.js';
import RelaxedBody from 'nodemailer/lib/dkim/relaxed-body.js';
import sign from 'nodemailer/lib/dkim/sign.js';
import { PosthasteError } from '../errors.ts';
import { domainOf } from '../mail/address.ts';

export interface SignerEntry {
  readonly domain: string;
  readonly selector: string;
  /** PEM, itself or in a file. */
  readonly key: { readonly value: string } | { readonly file: string };
}

export interface SigningKey {
  /** In its ASCII form, for `d=`. */
  readonly domain: string;
  readonly selector: string;
  readonly key: KeyObject;
}

/** What an intake needs: it imports no more than types from here, for the signing code takes 100 ms to load. */
export interface Signer {
  /** The key for mail of this domain: its own, or else that of the nearest domain above it. */
  signatureFor(domainOfFrom: string): SigningKey | undefined;
  /** For one content. */
  begin(): ContentSignature;
  /** A whole content with its signature before it; as it was where no key fits. */
  readonly sign: (content: Uint8Array) => Promise<Uint8Array>;
}

/**
 * What RFC 6376 5.4.1 recommends, what says how to read the body, and what RFC 8058 4 demands for unsubscribing with one click.
 * Not Date and Message-ID: Amazon SES puts its own in their place and asks not to sign them, and others do the same.
 */
const SIGNED_FIELDS = [
  ...['From', 'Sender', 'Reply-To', 'Subject', 'To', 'Cc', 'In-Reply-To', 'References'],
  ...['MIME-Version', 'Content-Type', 'Content-Transfer-Encoding', 'Content-ID', 'Content-Description'],
  ...['Resent-Date', 'Resent-From', 'Resent-Sender', 'Resent-To', 'Resent-Cc', 'Resent-Message-ID'],
  ...['List-Id', 'List-Help', 'List-Subscribe', 'List-Post', 'List-Owner', 'List-Archive'],
  ...['List-Unsubscribe', 'List-Unsubscribe-Post'],
].join(':');

const HASH = 'sha256';
/** RFC 8301 3.2: verifiers take shorter keys for no signature at all. */
const MIN_KEY_BITS = 1024;
/** Octets that are hashed in one go: the hash takes twice as much memory meanwhile. */
const HASHED_AT_ONCE = 64 * 1024;
/** RFC 5321 4.5.3.1.2. */
const MAX_DOMAIN = 255;
/** Longer From fields are nobody's, and must not cost time: a first mailbox needs some hundred octets. */
const MAX_FROM = 64 * 1024;

/** Reads all keys; throws CONFIG_INVALID for the first that cannot be used. Nothing where there are none. */
export function openSigner(entries: readonly SignerEntry[]): Signer | undefined {
  if (entries.length === 0) return undefined;
  const keys = new Map<string, SigningKey>();
  for (const key of openKeys(entries)) {
    if (key instanceof UnusableKey) throw key;
    keys.set(key.domain, key);
  }
  const signer: Signer = {
    signatureFor: (domain) => nearest(keys, asciiDomain(domain)),
    begin: () => new ContentSignature(signer),
    sign: (content) => signContent(signer, content),
  };
  return signer;
}

/** What makes a key unusable, as CONFIG_INVALID. */
export class UnusableKey extends PosthasteError {
  /** The part of the entry that is at fault. */
  readonly part: keyof SignerEntry;

  constructor({ domain, key }: SignerEntry, part: keyof SignerEntry, why: string, cause?: unknown) {
    const where = 'file' in key ? ` in ${key.file}` : '';
    super('CONFIG_INVALID', `The DKIM key of ${domain}${where} cannot be used: ${why}.`, { cause });
    this.part = part;
  }
}

/** All keys in the order of their entries, and what is at fault in place of those that cannot be used. */
export function openKeys(entries: readonly SignerEntry[]): readonly (SigningKey | UnusableKey)[] {
  const domains = new Set<string>();
  return entries.map((entry) => {
    try {
      const key = openKey(entry);
      if (domains.has(key.domain))
        return new UnusableKey(entry, 'domain', 'the domain has another key already, and only one can sign');
      domains.add(key.domain);
      return key;
    } catch (error) {
      if (error instanceof UnusableKey) return error;
      throw error;
    }
  });
}

function openKey(entry: SignerEntry): SigningKey {
  const domain = asciiDomain(entry.domain);
  if (domain === '') throw new UnusableKey(entry, 'domain', 'that is no name of a domain');
  if (!/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(entry.selector)) {
    throw new UnusableKey(entry, 'selector', `its selector "${entry.selector}" is no name in DNS`);
  }
  const key = readKey(entry);
  if (key.asymmetricKeyType !== 'rsa')
    throw new UnusableKey(entry, 'key', `the key must be RSA and is ${key.asymmetricKeyType}`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_KEY_BITS)
    throw new UnusableKey(entry, 'key', `the key has ${bits} bits, and verifiers want ${MIN_KEY_BITS} at least`);
  return { domain, selector: entry.selector, key };
}

function readKey(entry: SignerEntry): KeyObject {
  try {
    return createPrivateKey('file' in entry.key ? readFileSync(entry.key.file) : entry.key.value);
  } catch (error) {
    throw new UnusableKey(
      entry,
      'key',
      `it cannot be read as a private key in PEM without a passphrase (${reasonOf(error)})`,
      error,
    );
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The domain itself or the nearest above it: DMARC takes the signature of either (RFC 7489 3.1.1). */
function nearest(keys: ReadonlyMap<string, SigningKey>, domain: string): SigningKey | undefined {
  for (let name = domain; name !== ''; name = name.includes('.') ? name.slice(name.indexOf('.') + 1) : '') {
    const key = keys.get(name);
    if (key !== undefined) return key;
  }
  return undefined;
}

/** The empty text for what is no domain. */
function asciiDomain(domain: string): string {
  return domain.length > MAX_DOMAIN ? '' : domainToASCII(domain.replace(/\.$/, ''));
}

/**
 * The signature of one content, to which it is shown piece by piece. The header is kept until it ends; of the body only the hash.
 * A content that is signed already is signed again: whether its signature is still good nobody knows before it was verified,
 * a second one does no harm (RFC 6376 4), and the first stays as good as it was.
 */
export class ContentSignature {
  readonly #signer: Signer;
  /** As latin1. */
  #header = '';
  /** Its last octets. A header that begins with its blank line is empty. */
  #tail = '\r\n';
  #ended = false;
  #work: Work | undefined;

  constructor(signer: Signer) {
    this.#signer = signer;
  }

  /** The next octets, with CRLF for line ends. Keeps none of them. */
  push(piece: Buffer): void {
    const body = this.#ended ? piece : this.#takeHeader(piece);
    if (this.#work === undefined) return;
    for (let at = 0; at < body.length; at += HASHED_AT_ONCE) {
      this.#work.body.updateHash(body.subarray(at, at + HASHED_AT_ONCE));
    }
  }

  /** What of the piece belongs to the body. */
  #takeHeader(piece: Buffer): Buffer {
    const before = this.#tail.length;
    const text = this.#tail + piece.toString('latin1');
    const blank = text.indexOf('\r\n\r\n');
    const end = blank === -1 ? text.length : blank + 4;
    this.#header += text.slice(before, end);
    this.#tail = text.slice(-3);
    if (blank !== -1) this.#endHeader();
    return piece.subarray(end - before);
  }

  #endHeader(): void {
    this.#ended = true;
    const parser = new MessageParser();
    parser.rawHeaders = Buffer.from(this.#header, 'latin1');
    this.#header = '';
    const fields = parser.parseHeaders();
    const domain = fromDomain(fields);
    const key = domain === undefined ? undefined : this.#signer.signatureFor(domain);
    if (key !== undefined) this.#work = { key, fields, body: new RelaxedBody({ hashAlgo: HASH }) };
  }

  /** The content is at its end: the field with its line end, or nothing where no key fits. */
  async field(): Promise<Buffer> {
    if (!this.#ended) this.#endHeader();
    if (this.#work === undefined) return Buffer.alloc(0);
    const { key, fields, body } = this.#work;
    const field = sign(fields, HASH, await hashOf(body), {
      domainName: key.domain,
      keySelector: key.selector,
      privateKey: key.key,
      headerFieldNames: SIGNED_FIELDS,
    });
    if (field === false) throw new Error(`the DKIM key of ${key.domain} does not sign`);
    return Buffer.from(`${field}\r\n`, 'latin1');
  }
}

async function signContent(signer: Signer, content: Uint8Array): Promise<Uint8Array> {
  const signature = signer.begin();
  signature.push(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
  return Buffer.concat([await signature.field(), content]);
}

/** What there is once the header has shown that a key fits. */
interface Work {
  readonly key: SigningKey;
  readonly fields: MessageParserHeaderLine[];
  readonly body: RelaxedBody;
}

/** In base64. The end of the stream, through which nothing was piped, completes the hash. */
function hashOf(body: RelaxedBody): Promise<string> {
  return new Promise((resolve) => {
    body.once('hash', resolve);
    body.end();
  });
}

/** Nothing where there is not one From field: such mail has no author to sign for (RFC 5322 3.6). Of several mailboxes the first counts. */
function fromDomain(fields: readonly MessageParserHeaderLine[]): string | undefined {
  const [from, ...more] = fields.filter(({ key }) => key === 'from');
  if (from === undefined || more.length > 0 || from.line.length > MAX_FROM) return undefined;
  const value = Buffer.from(from.line.slice(from.line.indexOf(':') + 1), 'latin1').toString();
  const address = addressparser(value.replace(/\r?\n/g, ''), { flatten: true })[0]?.address;
  return address?.includes('@') ? domainOf(address) : undefined;
}
