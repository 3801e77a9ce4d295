/** A failure that lasts is told once, with its stack, and once more when it is over: a full disk lasts, and fails every round. */
import type { Log, LogFields } from '../runtime/log.ts';

export class Trouble {
  readonly #log: Log;
  readonly #texts: { readonly begun: string; readonly over: string };
  /** What fails, and with which words. */
  readonly #standing = new Map<string, string>();

  constructor(log: Log, texts: { readonly begun: string; readonly over: string }) {
    this.#log = log;
    this.#texts = texts;
  }

  /** Told unless something fails with the same words already. */
  failed(what: string, error: unknown, fields: LogFields): void {
    const words = String(error);
    const known = [...this.#standing.values()].includes(words);
    this.#standing.set(what, words);
    if (known) this.#log.debug({ ...fields, err: error }, this.#texts.begun);
    else this.#log.error({ ...fields, err: error }, this.#texts.begun);
  }

  /** It is over when nothing fails any more. */
  went(what: string, fields: LogFields): void {
    if (this.#standing.delete(what) && this.#standing.size === 0) this.#log.info(fields, this.#texts.over);
  }
}
