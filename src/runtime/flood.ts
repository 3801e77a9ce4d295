/** Lines that others can cause as often as they like: the first is written at once, what follows within a span is counted into one, or a client in a loop fills the disk. */
import type { Clock } from './clock.ts';
import type { Log, LogFields } from './log.ts';

/** ms */
const SPAN = 10_000;

interface Held {
  readonly event: string;
  /** Of the last one. */
  fields: LogFields;
  times: number;
  cancel: () => void;
}

export class Flood {
  readonly #log: Log;
  readonly #clock: Clock;
  /** What was told within the last span, by its kind. */
  readonly #held = new Map<string, Held>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** `kind`: what is counted together. Of those there must be few. */
  info(kind: string, fields: LogFields, event: string): void {
    const held = this.#held.get(kind);
    if (held === undefined) {
      this.#log.info(fields, event);
      this.#hold(kind, { event, fields, times: 0, cancel: () => undefined });
    } else {
      held.times++;
      held.fields = fields;
    }
  }

  /** Tells what is counted. */
  end(): void {
    for (const held of this.#held.values()) {
      held.cancel();
      this.#tell(held);
    }
    this.#held.clear();
  }

  #hold(kind: string, held: Held): void {
    this.#held.set(kind, held);
    held.cancel = this.#clock.after(SPAN, () => this.#over(kind, held));
  }

  /** While there are more, each span has one line. */
  #over(kind: string, held: Held): void {
    this.#tell(held);
    if (held.times === 0) this.#held.delete(kind);
    else this.#hold(kind, { ...held, times: 0 });
  }

  #tell({ event, fields, times }: Held): void {
    if (times > 0) this.#log.info({ ...fields, times, withinMs: SPAN }, event);
  }
}
