/** Replies out of the relay's bytes: any split of the same bytes gives the same replies, and no line can grow the memory. */
import { type Reply, replyFromLines } from '../../mail/reply.ts';

/** Octets of a line that are kept; RFC 5321 4.5.3.1.5 allows 512. The rest of a longer line is skipped. */
const MAX_LINE = 2048;
/** Lines of one reply that are kept. */
const MAX_LINES = 100;
/** Octets of one reply that are read: a hundred times what any relay says. Without a bound an endless one kept a core and the line busy for minutes. */
const MAX_REPLY = 64 * 1024;

const REPLY_LINE = /^[2-5]\d\d(?:[ -]|$)/;

/** A line that is no part of any reply: what follows cannot be understood either. */
export interface Malformed {
  readonly malformed: string;
}

/** A reply that has grown past all measure, and nobody knows where it ends. */
export interface Endless {
  readonly endless: true;
}

const ENDLESS: Endless = { endless: true };

export class ReplyReader {
  #rest = '';
  #lines: string[] = [];
  /** Octets of the reply that is being read. */
  #octets = 0;

  /** Every reply that these bytes complete; nothing comes after a malformed line or an endless reply. */
  read(bytes: Uint8Array): (Reply | Malformed | Endless)[] {
    const found: (Reply | Malformed | Endless)[] = [];
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      this.#octets += end + 1 - from;
      const reply = this.#line(this.#rest + text.slice(from, Math.min(end, from + MAX_LINE)));
      this.#rest = '';
      from = end + 1;
      if (reply !== undefined) found.push(reply);
      if (reply !== undefined && !('code' in reply)) return found;
    }
    this.#octets += text.length - from;
    this.#rest = (this.#rest + text.slice(from, from + MAX_LINE)).slice(0, MAX_LINE);
    // With four characters it is known whether the line is one of a reply.
    if (this.#octets > MAX_REPLY && this.#rest.length >= 4) found.push(faultOf(this.#rest) ?? ENDLESS);
    return found;
  }

  /** Forgets what has come of an unfinished reply: nothing said before a TLS handshake counts after it. */
  reset(): void {
    this.#rest = '';
    this.#lines = [];
    this.#octets = 0;
  }

  #line(octets: string): Reply | Malformed | Endless | undefined {
    const fault = faultOf(octets) ?? (this.#octets > MAX_REPLY ? ENDLESS : undefined);
    if (fault !== undefined) return fault;
    const line = lineOf(octets);
    if (this.#lines.length < MAX_LINES) this.#lines.push(line.slice(4));
    if (line[3] === '-') return undefined;
    const lines = this.#lines;
    this.reset();
    return replyFromLines(Number(line.slice(0, 3)), lines);
  }
}

function faultOf(octets: string): Malformed | undefined {
  const line = lineOf(octets);
  return REPLY_LINE.test(line) ? undefined : { malformed: line };
}

function lineOf(octets: string): string {
  return decode(octets.slice(0, MAX_LINE).replace(/\r$/, ''));
}

/** Most replies are ASCII; with SMTPUTF8 they may be UTF-8 (RFC 6531 3.7.4.2). */
function decode(octets: string): string {
  return /[\x80-\xff]/.test(octets) ? Buffer.from(octets, 'latin1').toString('utf8') : octets;
}
