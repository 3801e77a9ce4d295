/** The terminal, or the pipe, before a command: what is written to it and asked on it. */
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { EXIT, Failure } from './failure.ts';

type Style = Parameters<typeof styleText>[0];

export class Terminal {
  readonly #out = process.stdout;
  readonly #err = process.stderr;

  /** Somebody sits there who can answer. */
  get interactive(): boolean {
    return process.stdin.isTTY === true && this.#err.isTTY === true;
  }

  /** Standard output is a terminal. */
  get showing(): boolean {
    return this.#out.isTTY === true;
  }

  /** Columns of a terminal; a pipe or file has no end. */
  get width(): number {
    return this.showing ? this.#out.columns || 80 : Number.POSITIVE_INFINITY;
  }

  /** Resolves when more may come, so that a long list does not gather in memory before a slow reader. */
  async write(data: string | Uint8Array): Promise<void> {
    if (!this.#out.write(data)) await once(this.#out, 'drain');
  }

  print(text: string): Promise<void> {
    return this.write(`${text}\n`);
  }

  printJson(value: unknown): Promise<void> {
    return this.print(JSON.stringify(value));
  }

  /** On standard error: for the person, not for the pipe. */
  note(text: string): void {
    this.#err.write(`${text}\n`);
  }

  /** A line that the next one replaces; nothing where nobody looks. */
  progress(text: string): void {
    if (this.#err.isTTY) this.#err.write(`\r\x1b[K${text}`);
  }

  /** Colour where standard output shows it; NO_COLOR and FORCE_COLOR are heard. */
  paint(style: Style | undefined, text: string): string {
    return style === undefined ? text : styleText(style, text, { stream: this.#out });
  }

  /** A line that is not shown while it is typed. Ctrl-C and Ctrl-D give up. */
  async askSecret(question: string): Promise<string> {
    const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
    const reader = createInterface({ input: process.stdin, output: silence, terminal: true });
    this.#err.write(question);
    try {
      const closed = once(reader, 'close').then(() => undefined);
      const answer = await Promise.race([reader.question('').catch(() => undefined), closed]);
      if (answer === undefined) throw new Failure('nothing was given', EXIT.failure);
      return answer;
    } finally {
      this.#err.write('\n');
      reader.close();
    }
  }

  async confirm(question: string): Promise<boolean> {
    const reader = createInterface({ input: process.stdin, output: this.#err });
    try {
      // Ctrl-C and Ctrl-D close the reader; its question then fails or never ends, as the version of Node.js has it.
      const closed = once(reader, 'close').then(() => undefined);
      const asked = reader.question(`${question} [y/N] `).catch(() => undefined);
      const answer = await Promise.race([asked, closed]);
      if (answer === undefined) this.note('');
      return /^y(es)?$/i.test(answer?.trim() ?? '');
    } finally {
      reader.close();
    }
  }
}
