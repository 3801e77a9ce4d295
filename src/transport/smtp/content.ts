/** A content on its way out: encoded for DATA piece by piece, never faster than it is taken. */
import { DataEncoder } from './data.ts';

/** Where it goes. */
export interface Sink {
  write(octets: Uint8Array): void;
  /** Wait before writing more. */
  readonly isFull: boolean;
  /** Resolves when there is room again, or never will be. */
  untilDrained(): Promise<void>;
  readonly isGone: boolean;
}

/** A content that is written but for its end of data, `end`. */
export interface Written {
  /** Before they were encoded. */
  readonly octets: number;
  readonly end: string;
}

/** Without waiting. */
export function writeContent(chunks: Iterable<Uint8Array>, sink: Sink): Written {
  const encoder = new DataEncoder();
  let octets = 0;
  for (const chunk of chunks) {
    octets += chunk.length;
    for (const piece of encoder.encode(chunk)) sink.write(piece);
  }
  return { octets, end: encoder.end() };
}

/** null: the sink went away meanwhile. */
export async function streamContent(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  sink: Sink,
): Promise<Written | null> {
  const encoder = new DataEncoder();
  let octets = 0;
  for await (const chunk of chunks) {
    octets += chunk.length;
    for (const piece of encoder.encode(chunk)) if (!sink.isGone) sink.write(piece);
    if (sink.isFull) await sink.untilDrained();
    if (sink.isGone) return null;
  }
  return { octets, end: encoder.end() };
}
