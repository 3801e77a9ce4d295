/** What the client sent and nobody has looked at yet: read as command lines, as counted octets, or whole. */

const LF = 10;
const NOTHING: Buffer = Buffer.alloc(0);

/** A line longer than the limit; its octets were dropped while they came, so that no line can grow a buffer. */
export const OVERLONG = Symbol('overlong');

export class Input {
  #bytes = NOTHING;
  #at = 0;
  /** The beginning of a line whose end has not come, as latin1 text, never longer than the limit. */
  #line = '';
  #overlong = false;

  push(bytes: Buffer): void {
    this.#bytes = this.#at < this.#bytes.length ? Buffer.concat([this.#bytes.subarray(this.#at), bytes]) : bytes;
    this.#at = 0;
  }

  get isEmpty(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The next line as latin1 text without its end; undefined when it has not come whole. A bare LF ends a command line too. */
  line(limit: number): string | typeof OVERLONG | undefined {
    if (this.isEmpty) return undefined;
    const lf = this.#bytes.indexOf(LF, this.#at);
    const end = lf === -1 ? this.#bytes.length : lf;
    if (this.#overlong || this.#line.length + end - this.#at > limit) {
      this.#overlong = true;
      this.#line = '';
    } else {
      this.#line += this.#bytes.toString('latin1', this.#at, end);
    }
    this.#at = lf === -1 ? end : lf + 1;
    return lf === -1 ? undefined : this.#takeLine();
  }

  #takeLine(): string | typeof OVERLONG {
    const line = this.#overlong ? OVERLONG : this.#line;
    this.#line = '';
    this.#overlong = false;
    return typeof line === 'string' && line.endsWith('\r') ? line.slice(0, -1) : line;
  }

  /** At most so many octets. */
  take(limit: number): Buffer {
    const bytes = this.#bytes.subarray(this.#at, this.#at + limit);
    this.#at += bytes.length;
    return bytes;
  }

  /** Lets `read` look from a place in the octets on and say where it stopped. */
  scan(read: (bytes: Buffer, at: number) => number): void {
    this.#at = read(this.#bytes, this.#at);
  }

  clear(): void {
    this.#bytes = NOTHING;
    this.#at = 0;
    this.#line = '';
    this.#overlong = false;
  }
}
