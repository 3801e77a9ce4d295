/** Waits until a message has come to its end, whichever process brings it there. */
import { setTimeout as pause } from 'node:timers/promises';
import { checkOptions, PosthasteError, shown } from '../errors.ts';
import { ENDED, STATES, type State } from '../queue/delivery.ts';
import type { Store } from '../queue/store.ts';
import { Batch } from '../runtime/batch.ts';
import type { Id } from '../runtime/id.ts';

/** For how long, and for what, `waitFor` waits. */
export interface WaitOptions {
  /** Milliseconds after which it fails with WAIT_TIMEOUT. Default: never. */
  readonly timeout?: number | undefined;
  /** Fails with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Enough is when every delivery is in one of these. Default: those from which nothing happens by itself. */
  readonly states?: readonly State[] | undefined;
}

/** Why a delivery is in none of these states; undefined: each is by now. */
export type WhyNot = (states: readonly State[]) => Promise<string | undefined>;

/** Between two looks, ms. */
const POLL = 250;
/** Messages that are looked at together. */
const TOGETHER = 100;

export class Waiting {
  readonly #closed: AbortSignal;
  readonly #looks: Batch<Id, readonly State[]>;

  constructor(store: Store, closed: AbortSignal) {
    this.#closed = closed;
    this.#looks = new Batch((ids) => statesOf(store, ids), { maxItems: TOGETHER });
  }

  /**
   * Throws NOT_FOUND, WAIT_TIMEOUT, STOPPED when the queue is closed meanwhile, and the reason of the signal. `whyNot` is asked once the
   * time is over, for a sentence about a delivery that is in none of the states.
   */
  async until(id: Id, options: WaitOptions, whyNot: WhyNot): Promise<void> {
    checkWait(options);
    const { timeout, signal, states = ENDED } = options;
    const end = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
    const stops = [this.#closed, signal, end].filter((each) => each !== undefined);
    const stop = AbortSignal.any(stops);
    for (;;) {
      const found = await this.#looks.add(id);
      if (found.length === 0) throw notFound(id);
      if (found.every((state) => states.includes(state))) return;
      await pause(POLL, undefined, { signal: stop }).catch(() => undefined);
      if (end?.aborted) throw tooLate(id, timeout, found, await whyNot(states));
      if (this.#closed.aborted) throw new PosthasteError('STOPPED', 'The queue was closed while somebody waited.');
      signal?.throwIfAborted();
    }
  }
}

/** What Node.js can wait for at once, ms: some 24 days. */
const LONGEST = 2 ** 31 - 1;

/** Throws OPTION_INVALID. */
function checkWait(options: WaitOptions): void {
  checkOptions(options, ['timeout', 'signal', 'states']);
  const { timeout, signal, states } = options;
  const isTime = timeout === undefined || (Number.isFinite(timeout) && timeout >= 0 && timeout <= LONGEST);
  check(isTime, 'timeout', timeout, `milliseconds, ${LONGEST} at most`);
  check(signal === undefined || signal instanceof AbortSignal, 'signal', signal, 'an AbortSignal');
  const known = (state: unknown): boolean => (STATES as readonly unknown[]).includes(state);
  const areStates = states === undefined || (Array.isArray(states) && states.length > 0 && states.every(known));
  check(areStates, 'states', states, `an array of ${STATES.join(', ')}`);
}

function check(fits: boolean, name: string, value: unknown, allowed: string): void {
  if (!fits) throw new PosthasteError('OPTION_INVALID', `${name} is ${shown(value)}: give ${allowed}.`);
}

function notFound(id: Id): PosthasteError {
  return new PosthasteError('NOT_FOUND', `There is no message ${id}, or it has been purged.`);
}

function tooLate(
  id: Id,
  timeout: number | undefined,
  states: readonly State[],
  why: string | undefined,
): PosthasteError {
  const words = `it is ${[...new Set(states)].join(', ')}.${why === undefined ? '' : ` ${why}`}`;
  return new PosthasteError('WAIT_TIMEOUT', `Message ${id} has not ended after ${timeout} ms: ${words}`, { id });
}

/** One question for all of them. */
async function statesOf(store: Store, ids: readonly Id[]): Promise<(readonly State[])[]> {
  const found = new Map<Id, State[]>(ids.map((id) => [id, []]));
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await store.find({ ids }, { limit: 1_000, ...(cursor !== undefined && { cursor }) });
    for (const { id, state } of page.rows) found.get(id)?.push(state);
    cursor = page.cursor;
  }
  return ids.map((id) => found.get(id) ?? []);
}
