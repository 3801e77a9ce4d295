/** The content of a message on its way in, by DATA or in the counted chunks of BDAT (RFC 3030). */
import type { BdatCommand } from './command.ts';
import { DotDecoder, type Lf } from './data.ts';
import type { Input } from './input.ts';

export interface ContentReader {
  /** The next octets of the content that the input has; undefined when there are none now. */
  read(input: Input): Buffer | undefined;
  /** All octets have come. */
  readonly ended: boolean;
}

export class DataReader implements ContentReader {
  readonly #dots: DotDecoder;

  constructor(lf?: Lf) {
    this.#dots = new DotDecoder(lf);
  }

  get ended(): boolean {
    return this.#dots.ended;
  }

  read(input: Input): Buffer | undefined {
    while (!this.ended && !input.isEmpty) {
      input.scan((bytes, at) => this.#dots.read(bytes, at));
      if (this.#dots.piece !== undefined) return this.#dots.piece;
    }
    return undefined;
  }
}

export class ChunkReader implements ContentReader {
  readonly last: boolean;
  #left: number;

  constructor(command: BdatCommand) {
    this.last = command.last;
    this.#left = command.size;
  }

  get ended(): boolean {
    return this.#left === 0;
  }

  read(input: Input): Buffer | undefined {
    if (this.ended || input.isEmpty) return undefined;
    const bytes = input.take(this.#left);
    this.#left -= bytes.length;
    return bytes;
  }
}
