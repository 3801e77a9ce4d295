/** Finds the end of a content sent with DATA and takes the stuffed dots away (RFC 5321 4.5.2). */

const LF = 10;
const CR = 13;
const DOT = 46;
const CRLF_DOT = Buffer.from('\r\n.');
const LF_DOT = Buffer.from('\n.');
const LONE_CR: Buffer = Buffer.from('\r');
const LONE_DOT: Buffer = Buffer.from('.');

/**
 * What a bare LF is: an octet like others; the beginning of a line, from which a stuffed dot goes; or all that CRLF is, also at the end of
 * the content, which is for programs of this machine alone.
 */
export type Lf = 'octet' | 'line' | 'end';

/**
 * Where the octets so far left us: inside a line, behind its CR, at the start of one, behind a dot there, behind that dot and a CR.
 * Over a network only CRLF.CRLF ends the content, and a dot behind a bare LF none: that keeps smuggled ends out (CVE-2023-51764).
 */
type Place = 'line' | 'cr' | 'start' | 'dot' | 'dot cr' | 'lf start' | 'lf dot';

export class DotDecoder {
  readonly #lf: Lf;
  #place: Place = 'start';
  /** Octets of the content that the last `read` found: a slice of what it was given. */
  piece: Buffer | undefined;
  ended = false;

  constructor(lf: Lf = 'octet') {
    this.#lf = lf;
  }

  /** Reads from `at` up to the next dot at a line's start, the end of the content, or the last octet; says where it stopped. */
  read(bytes: Buffer, at: number): number {
    this.piece = undefined;
    let here = at;
    while (this.#place !== 'line' && here < bytes.length) {
      const octet = bytes[here];
      if (octet === DOT && this.#isStart) return this.#stopAtDot(bytes, at, here);
      if (octet === LF && this.#mayEnd) return this.#stopAtEnd(here);
      if (this.#place === 'dot cr' && here === at) return this.#giveBack(LONE_CR, here);
      if (this.#place === 'lf dot' && (octet === CR || octet === LF)) return this.#giveBack(LONE_DOT, here);
      if (this.#step(octet)) here++;
    }
    return here < bytes.length ? this.#readLines(bytes, at, here) : this.#stopAtLast(bytes, at);
  }

  get #isStart(): boolean {
    return this.#place === 'start' || this.#place === 'lf start';
  }

  /** Before a LF. */
  get #mayEnd(): boolean {
    return this.#place === 'dot cr' || (this.#place === 'dot' && this.#lf === 'end');
  }

  /** One octet outside of a line; false when it belongs inside of one. */
  #step(octet: number | undefined): boolean {
    const inside = this.#place === 'cr' ? octet !== LF : this.#place !== 'dot' || octet !== CR;
    this.#place = inside ? 'line' : this.#place === 'cr' ? 'start' : 'dot cr';
    return !inside;
  }

  #readLines(bytes: Buffer, at: number, here: number): number {
    const sought = this.#lf === 'octet' ? CRLF_DOT : LF_DOT;
    const end = bytes.indexOf(sought, here);
    const last = end === -1 ? bytes.length - 1 : end + sought.length - 2;
    if (bytes[last] === CR) this.#place = 'cr';
    else if (bytes[last] === LF) this.#place = this.#behindLf(last > here && bytes[last - 1] === CR);
    return end === -1 ? this.#stopAtLast(bytes, at) : this.#stopAtDot(bytes, at, last + 1);
  }

  #behindLf(whole: boolean): Place {
    if (whole || this.#lf === 'end') return 'start';
    return this.#lf === 'line' ? 'lf start' : 'line';
  }

  #stopAtDot(bytes: Buffer, at: number, dot: number): number {
    this.#place = this.#place === 'lf start' ? 'lf dot' : 'dot';
    if (dot > at) this.piece = bytes.subarray(at, dot);
    return dot + 1;
  }

  #stopAtEnd(lf: number): number {
    this.ended = true;
    return lf + 1;
  }

  /** What came with octets that are gone: the CR behind a dot that was none of the end, or a dot alone in a line behind a bare LF. */
  #giveBack(octet: Buffer, here: number): number {
    this.#place = 'line';
    this.piece = octet;
    return here;
  }

  #stopAtLast(bytes: Buffer, at: number): number {
    if (this.#place !== 'dot cr' && at < bytes.length) this.piece = bytes.subarray(at);
    return bytes.length;
  }
}
