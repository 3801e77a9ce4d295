/** Finds the end of a content sent with DATA and takes the stuffed dots away (RFC 5321 4.5.2). */

const LF = 10;
const CR = 13;
const DOT = 46;
const DOT_LINE = Buffer.from('\r\n.');
const LONE_CR: Buffer = Buffer.from('\r');

/**
 * Where the octets so far left us: inside a line, behind its CR, at the start of one, behind a dot there, behind that dot and a CR.
 * Only CRLF begins a line and only CRLF.CRLF ends the content: that keeps smuggled ends out (CVE-2023-51764).
 */
type Place = 'line' | 'cr' | 'start' | 'dot' | 'dot cr';

export class DotDecoder {
  #place: Place = 'start';
  /** Octets of the content that the last `read` found: a slice of what it was given. */
  piece: Buffer | undefined;
  ended = false;

  /** Reads from `at` up to the next dot at a line's start, the end of the content, or the last octet; says where it stopped. */
  read(bytes: Buffer, at: number): number {
    this.piece = undefined;
    let here = at;
    while (this.#place !== 'line' && here < bytes.length) {
      const octet = bytes[here];
      if (this.#place === 'start' && octet === DOT) return this.#stopAtDot(bytes, at, here);
      if (this.#place === 'dot cr' && octet === LF) return this.#stopAtEnd(here);
      if (this.#place === 'dot cr' && here === at) return this.#giveBackCr(here);
      if (this.#step(octet)) here++;
    }
    return here < bytes.length ? this.#readLines(bytes, at, here) : this.#stopAtLast(bytes, at);
  }

  /** One octet outside of a line; false when it belongs inside of one. */
  #step(octet: number | undefined): boolean {
    const inside = this.#place === 'cr' ? octet !== LF : this.#place !== 'dot' || octet !== CR;
    this.#place = inside ? 'line' : this.#place === 'cr' ? 'start' : 'dot cr';
    return !inside;
  }

  #readLines(bytes: Buffer, at: number, here: number): number {
    const end = bytes.indexOf(DOT_LINE, here);
    if (end !== -1) return this.#stopAtDot(bytes, at, end + 2);
    const last = bytes.length - 1;
    if (bytes[last] === CR) this.#place = 'cr';
    else if (bytes[last] === LF && last > here && bytes[last - 1] === CR) this.#place = 'start';
    return this.#stopAtLast(bytes, at);
  }

  #stopAtDot(bytes: Buffer, at: number, dot: number): number {
    this.#place = 'dot';
    if (dot > at) this.piece = bytes.subarray(at, dot);
    return dot + 1;
  }

  #stopAtEnd(lf: number): number {
    this.ended = true;
    return lf + 1;
  }

  /** The CR behind the dot came with octets that are gone, and was none of the end. */
  #giveBackCr(here: number): number {
    this.#place = 'line';
    this.piece = LONE_CR;
    return here;
  }

  #stopAtLast(bytes: Buffer, at: number): number {
    if (this.#place !== 'dot cr' && at < bytes.length) this.piece = bytes.subarray(at);
    return bytes.length;
  }
}
