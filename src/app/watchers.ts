/** Those who watch a queue: iterators, listeners, and those who wait for one message. All of them end with it. */
import { EventEmitter } from 'node:events';
import { checkOptions, PosthasteError, shown } from '../errors.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import { EVENTS, type QueueEvent, type QueueEvents } from './events.ts';
import { Feed, type FeedParts } from './feed.ts';
import type { Time } from './submit-options.ts';
import { Waiting, type WaitOptions, type WhyNot } from './wait.ts';

/** From when `events` tells, and until when. */
export interface EventsOptions {
  /** The `cursor` of the last event that was dealt with, or a time: what came after it, as far as it is still kept. Default: from now on. */
  readonly after?: string | Time | undefined;
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined;
}

/** Names of listeners that are about listeners. */
const OWN = ['newListener', 'removeListener'];

/** A queue to which one may listen: it is read only while somebody does. */
export class Watched extends EventEmitter<QueueEvents> {
  readonly #parts: FeedParts;
  readonly #closed = new AbortController();
  readonly #waiting: Waiting;
  #telling: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  constructor(parts: FeedParts) {
    super();
    this.#parts = parts;
    this.#waiting = new Waiting(parts.store, this.#closed.signal);
    const own = this as EventEmitter;
    own.on('newListener', (name: string) => {
      checkEvent(name);
      this.#checkHears();
      if (!OWN.includes(name)) this.#startTelling();
    });
    own.on('removeListener', () => this.#isHeard() || this.#telling?.stop.abort());
  }

  /**
   * What happens in the queue from now on, whichever process does it, at most some 250 ms later. Each look tells of the state that it
   * finds: one that lasted shorter (deferred, and sent at once) may be passed over; that something ended never is. A change that
   * becomes visible more than 5 seconds after its own time (a slow commit, clocks that differ, a content that took so long to come) may be
   * missed. For one delivery the order is that of time. With `after`, events of the last 5 seconds before it come again: their `key` tells.
   * Ends when the queue is closed. Throws OPTION_INVALID, and STOPPED when it is closed already, as `on` does.
   */
  events(options: EventsOptions = {}): AsyncGenerator<QueueEvent, void> {
    checkOptions(options, ['after', 'signal']);
    this.#checkHears();
    const { after, signal } = options;
    const signals = [this.#closed.signal, signal].filter((each) => each !== undefined);
    return new Feed(this.#parts, { after: instantAfter(after), signal: AbortSignal.any(signals) }).events();
  }

  protected waitUntil(id: Id, options: WaitOptions, whyNot: WhyNot): Promise<void> {
    return this.#waiting.until(id, options, whyNot);
  }

  protected async stopWatching(): Promise<void> {
    this.#closed.abort();
    await this.#telling?.done;
  }

  #isHeard(): boolean {
    return this.eventNames().some((name) => !OWN.includes(String(name)));
  }

  /** Whoever listens to a closed queue would wait for ever. */
  #checkHears(): void {
    if (!this.#closed.signal.aborted) return;
    throw new PosthasteError('STOPPED', 'The queue is closed, and nothing happens in it any more: open it again.');
  }

  #startTelling(): void {
    if (this.#telling && !this.#telling.stop.signal.aborted) return;
    const stop = new AbortController();
    this.#telling = { stop, done: this.#tell(this.events({ signal: stop.signal })) };
  }

  async #tell(events: AsyncGenerator<QueueEvent, void>): Promise<void> {
    for await (const event of events) {
      this.#emitSafely(event.type, event);
      this.#emitSafely('event', event);
    }
  }

  /** A listener that throws is a fault of the program, as with any emitter; the others hear of the rest all the same. */
  #emitSafely(name: string, event: QueueEvent): void {
    try {
      (this as EventEmitter).emit(name, event);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }
}

/** What never happens is waited for in vain. Throws OPTION_INVALID. */
function checkEvent(name: string): void {
  if ([...OWN, 'error', ...EVENTS].includes(name)) return;
  throw new PosthasteError('OPTION_INVALID', `There is no event ${shown(name)}: there are ${EVENTS.join(', ')}.`);
}

function instantAfter(after: string | Time | undefined): Instant | null {
  if (after === undefined) return null;
  const instant = Math.round(Number(after));
  if (Number.isSafeInteger(instant) && instant >= 0 && after !== '') return instant;
  throw new PosthasteError(
    'OPTION_INVALID',
    `after is ${shown(after)}: give the cursor of an event, a Date, or milliseconds.`,
  );
}
