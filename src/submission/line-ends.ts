/** Watches over the line ends of a content: a bare CR, a bare LF or a NUL is how one message is smuggled inside another. */

/** `refuse`: a bare LF is a fault. `normalise`: it becomes CRLF, for old programs. A bare CR and NUL are always faults. */
export type BareLf = 'refuse' | 'normalise';

export type LineFault = 'cr' | 'lf' | 'nul';

const LF = 10;
const CR = 13;
const CRLF = Buffer.from('\r\n');

/** One pass of a compiled expression over the octets as latin1: 2 us for 4 KB, where a loop over bytes takes 5 and two indexOf a line 4. */
const SUSPECT = /(?<!\r)\n|\r(?!\n)|\0/;
const SUSPECT_BUT_LF = /\r(?!\n)|\0/;
const FAULTS: Readonly<Record<string, LineFault>> = { '\r': 'cr', '\n': 'lf', '\0': 'nul' };

export class LineEnds {
  readonly #normalise: boolean;
  /** The last octet was a CR whose LF has not come. */
  #afterCr = false;
  /** Once set, nothing that was or will be pushed is good. */
  fault: LineFault | undefined;

  constructor(bareLf: BareLf) {
    this.#normalise = bareLf === 'normalise';
  }

  /** The octets themselves, or a copy with its bare LFs made CRLF. Meaningless once there is a fault. */
  push(bytes: Buffer): Buffer {
    if (bytes.length === 0 || this.fault !== undefined) return bytes;
    const led = this.#afterCr;
    if (led && bytes[0] !== LF) this.fault = 'cr';
    this.#afterCr = bytes[bytes.length - 1] === CR;
    const text = bytes.toString('latin1', led ? 1 : 0, this.#afterCr ? bytes.length - 1 : bytes.length);
    if (!this.#normalise) {
      this.#judge(SUSPECT.exec(text));
      return bytes;
    }
    this.#judge(SUSPECT_BUT_LF.exec(text));
    return withCrs(bytes, led);
  }

  /** The content is at its end. */
  end(): void {
    if (this.#afterCr) this.fault ??= 'cr';
  }

  #judge(found: RegExpExecArray | null): void {
    if (found !== null) this.fault ??= FAULTS[found[0]] as LineFault;
  }
}

function withCrs(bytes: Buffer, led: boolean): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (let lf = bytes.indexOf(LF); lf !== -1; lf = bytes.indexOf(LF, lf + 1)) {
    if (lf === 0 ? led : bytes[lf - 1] === CR) continue;
    parts.push(bytes.subarray(from, lf), CRLF);
    from = lf + 1;
  }
  if (from === 0) return bytes;
  parts.push(bytes.subarray(from));
  return Buffer.concat(parts);
}
