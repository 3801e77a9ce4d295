/** Replies out of the relay's bytes: any split of the same bytes gives the same replies, and no line can grow the memory. */
import { type Reply, replyFromLines } from '../../mail/reply.ts';

/** Octets of a line that are kept; RFC 5321 4.5.3.1.5 allows 512. The rest of a longer line is skipped. */
const MAX_LINE = 2048;
/** Lines of one reply that are kept. */
const MAX_LINES = 100;

const REPLY_LINE = /^[2-5]\d\d(?:[ -]|$)/;

/** A line that is no part of any reply: what follows cannot be understood either. */
export interface Malformed {
  readonly malformed: string;
}

export class ReplyReader {
  #rest = '';
  #lines: string[] = [];

  /** Every reply that these bytes complete; nothing comes after a malformed line. */
  read(bytes: Uint8Array): (Reply | Malformed)[] {
    const found: (Reply | Malformed)[] = [];
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      const reply = this.#line(this.#rest + text.slice(from, Math.min(end, from + MAX_LINE)));
      this.#rest = '';
      from = end + 1;
      if (reply !== undefined) found.push(reply);
      if (reply !== undefined && 'malformed' in reply) return found;
    }
    this.#rest = (this.#rest + text.slice(from, from + MAX_LINE)).slice(0, MAX_LINE);
    return found;
  }

  /** Forgets what has come of an unfinished reply: nothing said before a TLS handshake counts after it. */
  reset(): void {
    this.#rest = '';
    this.#lines = [];
  }

  #line(octets: string): Reply | Malformed | undefined {
    const line = decode(octets.slice(0, MAX_LINE).replace(/\r$/, ''));
    if (!REPLY_LINE.test(line)) return { malformed: line };
    if (this.#lines.length < MAX_LINES) this.#lines.push(line.slice(4));
    if (line[3] === '-') return undefined;
    const lines = this.#lines;
    this.#lines = [];
    return replyFromLines(Number(line.slice(0, 3)), lines);
  }
}

/** Most replies are ASCII; with SMTPUTF8 they may be UTF-8 (RFC 6531 3.7.4.2). */
function decode(octets: string): string {
  return /[\x80-\xff]/.test(octets) ? Buffer.from(octets, 'latin1').toString('utf8') : octets;
}
