/** The relay of a measurement: Postfix's smtp-sink, which takes everything, throws it away and counts. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { end, start, which } from './processes.ts';
import { freePort, untilReady } from './smtp.ts';

/** A time of `performance.now()` and how many messages had come by then. */
export interface Mark {
  readonly at: number;
  readonly count: number;
}

/** How often the count is read, ms: a reader that woke for every message would take its time from the programs. */
const LOOK_MS = 10;
/** Octets at the end of the counts that hold a whole one. */
const TAIL = 200;

/** smtp-sink -c prints its counter after each message; nothing else is asked of it. */
export class Sink {
  readonly port: number;
  readonly #child: ReturnType<typeof start>;
  readonly #counts: number;
  #ended = false;

  private constructor(port: number, child: ReturnType<typeof start>, counts: number) {
    this.port = port;
    this.#child = child;
    this.#counts = counts;
    child.once('exit', () => {
      this.#ended = true;
    });
  }

  /** The counts go to a file in `folder`. */
  static async open(folder: string, port?: number): Promise<Sink> {
    const chosen = port ?? (await freePort());
    const program = which('smtp-sink');
    if (program === undefined) throw new Error('smtp-sink is not installed (Debian: apt-get install postfix)');
    const asRoot = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    const counts = openSync(join(folder, 'sink-counts'), 'w+');
    const child = start(program, [...asRoot, '-c', '-m', '1000', `127.0.0.1:${chosen}`, '1000'], {
      stdio: ['ignore', counts, 'ignore'],
    });
    const sink = new Sink(chosen, child, counts);
    await untilReady(chosen, 5000);
    return sink;
  }

  /** Resolves once that many messages have come. */
  async reached(count: number): Promise<Mark> {
    for (;;) {
      const mark = { at: performance.now(), count: this.#count() };
      if (mark.count >= count) return mark;
      if (this.#ended) throw new Error(`smtp-sink ended after ${mark.count} messages`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async close(): Promise<void> {
    await end(this.#child);
    closeSync(this.#counts);
  }

  /** `sess=3 quit=2 mesg=41\r`, over and over. */
  #count(): number {
    const { size } = fstatSync(this.#counts);
    const tail = Buffer.alloc(Math.min(size, TAIL));
    readSync(this.#counts, tail, 0, tail.length, size - tail.length);
    const text = tail.toString('latin1');
    const at = text.lastIndexOf('mesg=', text.lastIndexOf('\r'));
    return at < 0 ? 0 : Number.parseInt(text.slice(at + 5), 10);
  }
}
