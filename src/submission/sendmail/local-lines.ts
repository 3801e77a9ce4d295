/** A message as programs of this machine pipe it: any line ends become CRLF, and a line with a dot alone may end it. */

/** A line end of another kind, or a dot that may stand alone. */
const ODD = /(?<!\r)\n|\r(?!\n)|(?:^|\n)\.(?:\r|\n|$)/;

export class LocalLines {
  readonly #dotEnds: boolean;
  /** What the next octets must decide: a CR that may be half of a CRLF, behind a dot that may stand alone. */
  #held = '';
  #atLineStart = true;
  /** The line with the dot has come; what follows is no part of the message. */
  ended = false;

  constructor(dotEnds: boolean) {
    this.#dotEnds = dotEnds;
  }

  /** The octets with all line ends CRLF: a LF, and a CR of a progress bar, begin a new line too. */
  push(bytes: Buffer): Buffer {
    if (this.ended || bytes.length === 0) return Buffer.alloc(0);
    const text = this.#held + bytes.toString('latin1');
    this.#held = '';
    if (!ODD.test(text) && !text.endsWith('\r')) return this.#emit(text);
    return this.#normalise(text);
  }

  /** The end of the input: what was held back. The last line is whole, whether it had an end or not. */
  end(): Buffer {
    if (this.ended) return Buffer.alloc(0);
    const held = this.#held;
    this.#held = '';
    this.ended = true;
    if (this.#dotEnds && this.#atLineStart && /^\.\r?$/.test(held)) return Buffer.alloc(0);
    const last = held.endsWith('\r') ? `${held}\n` : held;
    const open = last === '' ? !this.#atLineStart : !last.endsWith('\n');
    return this.#emit(open ? `${last}\r\n` : last);
  }

  #normalise(text: string): Buffer {
    const undecided = /\r$/.exec(text)?.[0] ?? '';
    const whole = text.slice(0, text.length - undecided.length).replace(/\r\n|\r|\n/g, '\r\n');
    const dot = this.#dotEnds ? this.#lineOfDot(whole) : -1;
    if (dot >= 0) {
      this.ended = true;
      return this.#emit(whole.slice(0, dot));
    }
    const kept = this.#dotEnds && this.#endsInDot(whole) ? '.' : '';
    this.#held = kept + undecided;
    return this.#emit(whole.slice(0, whole.length - kept.length));
  }

  /** Where a line begins that is a dot and nothing else; -1: nowhere. */
  #lineOfDot(text: string): number {
    if (this.#atLineStart && text.startsWith('.\r\n')) return 0;
    const found = text.indexOf('\r\n.\r\n');
    return found === -1 ? -1 : found + 2;
  }

  #endsInDot(text: string): boolean {
    return text.endsWith('\r\n.') || (this.#atLineStart && text === '.');
  }

  #emit(text: string): Buffer {
    if (text !== '') this.#atLineStart = text.endsWith('\n');
    return Buffer.from(text, 'latin1');
  }
}
