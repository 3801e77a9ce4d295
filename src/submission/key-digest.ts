/** What stands behind an idempotency key: a digest of what the submitter gave, without what is made anew whenever it is rendered. */
import { createHash } from 'node:crypto';
import { mailboxKey } from '../mail/address.ts';
import type { Envelope } from '../mail/envelope.ts';

/** What the composer made of its own accord. */
export interface Generated {
  /** Header fields of the message, names in lower case. */
  readonly fields: ReadonlySet<string>;
  /** The random part of all its boundaries. */
  readonly boundary: string | null;
}

const HEADER_END = '\r\n\r\n';

export class KeyDigest {
  readonly #hash = createHash('sha256');
  readonly #generated: Generated;
  /** The header while it comes; null behind it, or where nothing is to be left out of it. */
  #header: Buffer | null;
  /** The end of what came so far, in which a boundary may have begun. */
  #tail: Buffer = Buffer.alloc(0);

  constructor(envelope: Envelope, generated: Generated) {
    this.#generated = generated;
    this.#header = generated.fields.size > 0 ? Buffer.alloc(0) : null;
    const recipients = new Set(envelope.recipients.map(({ address }) => mailboxKey(address)));
    this.#hash.update(`${JSON.stringify([envelope.sender, [...recipients].toSorted()])}\n`);
  }

  push(bytes: Buffer): void {
    if (this.#header === null) this.#add(bytes);
    else this.#pushHeader(Buffer.concat([this.#header, bytes]));
  }

  #pushHeader(header: Buffer): void {
    const end = header.indexOf(HEADER_END);
    this.#header = end < 0 ? header : null;
    if (end < 0) return;
    this.#add(this.#given(header.subarray(0, end)));
    this.#add(header.subarray(end));
  }

  /** Only once. */
  value(): Uint8Array {
    if (this.#header !== null) this.#add(this.#given(this.#header));
    return this.#hash.update(this.#tail).digest();
  }

  #given(header: Buffer): Buffer {
    const fields = header.toString('latin1').split(/\r\n(?![ \t])/);
    const given = fields.filter(
      (field) => !this.#generated.fields.has(field.slice(0, field.indexOf(':')).toLowerCase()),
    );
    return Buffer.from(given.join('\r\n'), 'latin1');
  }

  #add(bytes: Buffer): void {
    const { boundary } = this.#generated;
    if (boundary === null) {
      this.#hash.update(bytes);
      return;
    }
    let rest = Buffer.concat([this.#tail, bytes]);
    for (let at = rest.indexOf(boundary); at >= 0; at = rest.indexOf(boundary)) {
      this.#hash.update(rest.subarray(0, at)).update('\0');
      rest = rest.subarray(at + boundary.length);
    }
    const whole = Math.max(0, rest.length - boundary.length + 1);
    this.#hash.update(rest.subarray(0, whole));
    this.#tail = rest.subarray(whole);
  }
}
