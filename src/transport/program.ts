/** A program that is fed with a content: until it ends, its time is over, or it is given up. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { printable } from '../mail/reply.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Content } from './transport.ts';

/** How it ended. */
export interface Ran {
  /** It could not be started. */
  readonly error: Error | undefined;
  /** Why it was killed, where we did it. */
  readonly ending: 'timeout' | 'aborted' | null;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The first of what it printed, in lines. */
  readonly output: string;
  /** The whole content went in, so it may have done its work whatever came of it. */
  readonly fed: boolean;
}

/** Of what it prints, octets. The rest is read and forgotten, so that it never waits for us. */
const MAX_OUTPUT = 1_000;
/** What it has printed is waited for no longer than this after its end, ms: children of its own may hold the pipe. */
const LAST_WORDS = 1_000;

export class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #clock: Clock;
  readonly #timeout: number;
  #output = Buffer.alloc(0);
  #error: Error | undefined;
  #ending: 'timeout' | 'aborted' | null = null;
  #fed = false;

  constructor(child: ChildProcessWithoutNullStreams, clock: Clock, timeout: number) {
    this.#child = child;
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** Throws only when the content cannot be read; the program is killed then. */
  async run(content: Content, signal: AbortSignal): Promise<Ran> {
    const ended = this.#ended();
    const cancel = this.#clock.after(this.#timeout, () => this.#kill('timeout'));
    // With the whole content it may have done its work: it ends in its own time then.
    const abort = (): void => {
      if (!this.#fed) this.#kill('aborted');
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#listen();
    try {
      await this.#feed(content);
      const { code, signal: by } = await ended;
      return { error: this.#error, ending: this.#ending, code, signal: by, output: this.#text(), fed: this.#fed };
    } catch (error) {
      this.#kill('aborted');
      await ended;
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
      cancel();
    }
  }

  #listen(): void {
    // A program that does not read all has its reasons; its exit code tells.
    this.#child.stdin.on('error', () => {});
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('error', () => {});
      stream.on('data', (bytes: Buffer) => {
        const room = MAX_OUTPUT - this.#output.length;
        if (room > 0) this.#output = Buffer.concat([this.#output, bytes.subarray(0, room)]);
      });
    }
  }

  #ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#error = error;
        resolve({ code: null, signal: null });
      });
      this.#child.once('exit', (code, signal) => {
        const cancel = this.#clock.after(LAST_WORDS, () => {
          // What still holds them may live for as long as it likes, but not keep this process alive.
          this.#child.stdout.destroy();
          this.#child.stderr.destroy();
          resolve({ code, signal });
        });
        this.#child.once('close', () => {
          cancel();
          resolve({ code, signal });
        });
      });
    });
  }

  async #feed(content: Content): Promise<void> {
    const { stdin } = this.#child;
    let octets = 0;
    for await (const chunk of content.chunks()) {
      if (!stdin.writable) return;
      octets += chunk.length;
      if (!stdin.write(chunk)) await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]).catch(() => undefined);
    }
    if (octets !== content.size) throw new Error(`the content has ${octets} octets instead of ${content.size}`);
    if (!stdin.writable) return;
    stdin.end(() => {
      this.#fed = true;
    });
  }

  /** With all that it started: the group has its number. */
  #kill(ending: 'timeout' | 'aborted'): void {
    const { pid, exitCode, signalCode } = this.#child;
    // Its number may belong to another by now.
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    this.#ending = ending;
    this.#child.stdin.destroy();
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      this.#child.kill('SIGKILL');
    }
  }

  #text(): string {
    const lines = this.#output.toString('utf8').trim().split(/\r?\n/);
    return lines.map(printable).join('\n');
  }
}
