/** The header of a message that a program pipes in: gathered whole, because recipients and sender may stand in it. */

const CRLF = '\r\n';
/** A field name cannot be longer than a line (RFC 5322 2.1.1). */
const MAX_NAME = 998;
const FIELD = /^[!-9;-~]+[ \t]*:/;
/** What mailbox files have before the first field; it does not travel. */
const MAILBOX_LINE = /^>?From /;

export interface Field {
  /** In lower case. */
  readonly name: string;
  /** UTF-8 where it is that, else latin1; folded as it stands there. */
  readonly value: string;
}

/** Takes octets whose lines end with CRLF, until the header is over. */
export class Head {
  readonly #limit: number;
  #bytes: Buffer = Buffer.alloc(0);
  /** Everything before it is header. */
  #end = 0;
  /** Octets of a mailbox line at the beginning. */
  #skip = 0;
  /** What comes next is no header any more. */
  done = false;
  /** It has more octets than allowed; the rest was dropped. */
  tooLarge = false;

  /** `limit`: octets of the header. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True when it is over: there is nothing more to push. */
  push(bytes: Buffer): boolean {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    while (!this.done && this.#pass());
    this.tooLarge = (this.done ? this.#end : this.#bytes.length) > this.#limit;
    return this.done || this.tooLarge;
  }

  /** Goes behind the next line; false when it has not come whole. */
  #pass(): boolean {
    const lf = this.#bytes.indexOf(CRLF, this.#end);
    const to = lf === -1 ? this.#bytes.length : lf;
    const line = this.#bytes.toString('latin1', this.#end, Math.min(to, this.#end + MAX_NAME + 1));
    if (lf === -1) {
      // A text of one long line has no header, and must not be gathered for one.
      this.done = line.length > MAX_NAME && !this.#belongs(line);
      return false;
    }
    if (!this.#belongs(line)) this.done = true;
    else this.#end = lf + 2;
    if (this.#end > 0 && this.#skip === 0 && MAILBOX_LINE.test(line)) this.#skip = this.#end;
    return true;
  }

  #belongs(line: string): boolean {
    if (/^[ \t]/.test(line)) return this.#end > this.#skip;
    return FIELD.test(line) || (this.#end === 0 && MAILBOX_LINE.test(line));
  }

  get #text(): Buffer {
    return this.#bytes.subarray(this.#skip, this.#end);
  }

  /** In the order of the message. */
  get fields(): readonly Field[] {
    return textOf(this.#text)
      .split(/\r\n(?![ \t])/)
      .filter((line) => line !== '')
      .map((line) => {
        const colon = line.indexOf(':');
        return { name: line.slice(0, colon).trimEnd().toLowerCase(), value: line.slice(colon + 1) };
      });
  }

  /** Without the fields of this name that say nothing. */
  dropEmpty(name: string): void {
    const empty = new RegExp(`^${name}[ \\t]*:[ \\t]*(?:\\r\\n[ \\t]+)*\\r\\n(?![ \\t])`, 'gim');
    const text = Buffer.from(this.#text.toString('latin1').replace(empty, ''), 'latin1');
    this.#bytes = Buffer.concat([text, this.#bytes.subarray(this.#end)]);
    this.#end = text.length;
    this.#skip = 0;
  }

  /** The header with more lines at its end, the blank line behind it wherever that is missing, and what has come of the body. */
  with(lines: string): Buffer {
    const rest = this.#bytes.subarray(this.#end);
    const blank = rest.length === 0 || rest.toString('latin1', 0, 2) === CRLF ? '' : CRLF;
    return Buffer.concat([this.#text, Buffer.from(lines + blank), rest]);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}
