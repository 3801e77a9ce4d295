/** What a program says to `sendmail -bs` on its way to a server: its lines may end with LF alone, which over a network ends no content. */
import { parseBdat, splitLine } from './command.ts';

const LF = 10;
const CR = 13;
const LONE_LF = Buffer.from('\n');
const CRLF = Buffer.from('\r\n');

/** Characters of a line that are looked at: DATA, BDAT and the lone dot are shorter. */
const MAX_LOOKED_AT = 100;

export class PipeLines {
  /** The beginning of a line whose end has not come, as latin1 text. */
  #line = '';
  #afterCr = false;
  /** DATA went by, and no lone dot since. */
  #inContent = false;
  /** Octets of a chunk that are still to come: they are counted, so they stay as they are (RFC 3030 2). */
  #counted = 0;

  /** The octets with every line end CRLF. */
  push(bytes: Buffer): Buffer {
    const kept: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      at = this.#counted > 0 ? this.#passChunk(bytes, at, kept) : this.#passLine(bytes, at, kept);
    }
    return Buffer.concat(kept);
  }

  #passChunk(bytes: Buffer, at: number, kept: Buffer[]): number {
    const chunk = bytes.subarray(at, at + this.#counted);
    kept.push(chunk);
    this.#counted -= chunk.length;
    return at + chunk.length;
  }

  #passLine(bytes: Buffer, at: number, kept: Buffer[]): number {
    const lf = bytes.indexOf(LF, at);
    const end = lf === -1 ? bytes.length : lf;
    this.#line += bytes.toString('latin1', at, Math.min(end, at + MAX_LOOKED_AT - this.#line.length));
    kept.push(bytes.subarray(at, end));
    if (end > at) this.#afterCr = bytes[end - 1] === CR;
    if (lf === -1) return end;
    kept.push(this.#afterCr ? LONE_LF : CRLF);
    this.#heed(this.#line.replace(/\r$/, ''));
    this.#line = '';
    this.#afterCr = false;
    return lf + 1;
  }

  #heed(line: string): void {
    if (this.#inContent) {
      this.#inContent = line !== '.';
      return;
    }
    const { verb, argument } = splitLine(line) ?? { verb: '', argument: '' };
    if (verb === 'DATA') this.#inContent = true;
    if (verb === 'BDAT') this.#counted = parseBdat(argument)?.size ?? 0;
  }
}
