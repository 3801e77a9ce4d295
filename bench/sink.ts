/** The relay of a measurement: Postfix's smtp-sink, which takes everything, throws it away and counts. */
import { end, start, which } from './processes.ts';
import { freePort, untilReady } from './smtp.ts';

/** A time of `performance.now()` and how many messages had come by then. */
export interface Mark {
  readonly at: number;
  readonly count: number;
}

interface Waiter {
  readonly count: number;
  readonly resolve: (mark: Mark) => void;
  readonly reject: (error: Error) => void;
}

/** smtp-sink -c prints its counter after each message; nothing else is asked of it. */
export class Sink {
  readonly port: number;
  readonly #child: ReturnType<typeof start>;
  readonly #waiting = new Set<Waiter>();
  #last: Mark = { at: 0, count: 0 };
  #tail = '';

  private constructor(port: number, child: ReturnType<typeof start>) {
    this.port = port;
    this.#child = child;
    child.stdout?.on('data', (bytes: Buffer) => this.#read(bytes.toString('latin1')));
    child.once('exit', () => this.#fail(new Error(`smtp-sink ended after ${this.#last.count} messages`)));
  }

  static async open(port?: number): Promise<Sink> {
    const chosen = port ?? (await freePort());
    const program = which('smtp-sink');
    if (program === undefined) throw new Error('smtp-sink is not installed (Debian: apt-get install postfix)');
    const asRoot = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    const sink = new Sink(chosen, start(program, [...asRoot, '-c', '-m', '1000', `127.0.0.1:${chosen}`, '1000']));
    await untilReady(chosen, 5000);
    return sink;
  }

  /** Resolves once that many messages have come. */
  reached(count: number): Promise<Mark> {
    return new Promise((resolve, reject) => {
      this.#waiting.add({ count, resolve, reject });
      this.#look();
    });
  }

  close(): Promise<void> {
    this.#waiting.clear();
    return end(this.#child);
  }

  /** `sess=3 quit=2 mesg=41\r`, over and over; a chunk may end anywhere. */
  #read(text: string): void {
    const seen = this.#tail + text;
    const complete = seen.lastIndexOf('\r');
    this.#tail = seen.slice(complete + 1);
    const at = seen.lastIndexOf('mesg=', complete);
    if (at < 0 || complete < 0) return;
    this.#last = { at: performance.now(), count: Number.parseInt(seen.slice(at + 5), 10) };
    this.#look();
  }

  #look(): void {
    for (const waiter of this.#waiting) {
      if (this.#last.count < waiter.count) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(this.#last);
    }
  }

  #fail(error: Error): void {
    for (const waiter of this.#waiting) waiter.reject(error);
    this.#waiting.clear();
  }
}
