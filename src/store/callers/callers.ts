/** Messages in a transaction of the application's own: written there, kept or gone with it, and nothing of them when that fails. */
import { PosthasteError } from '../../errors.ts';
import type { NewMessage } from '../../queue/message.ts';
import type { Inserted } from '../../queue/store.ts';
import type { Instant } from '../../runtime/clock.ts';
import { type Id, idToBytes } from '../../runtime/id.ts';
import { dropStaged, insertSteps, stageSteps } from '../sql-insert.ts';
import { ask, carryOut, carryOutSync, type Steps } from '../steps.ts';
import type { Caller } from './caller.ts';
import { beHere, LATEST, type Place, type Whereabouts } from './place.ts';
import { recognise } from './recognise.ts';

/** A transaction of the application's, from one call of its own to the next. */
export interface CallersTransaction {
  /**
   * `again`: it was submitted before, to a transaction that may have been rolled back. Throws TRANSACTION_ELSEWHERE, TRANSACTION_NOT_OPEN and
   * ALREADY_SUBMITTED, and what its library throws; then it is as it was before.
   */
  insert(message: NewMessage, now: Instant, again?: boolean): Promise<Inserted>;
  /** A chunk of a large content, there and nowhere else. */
  stage(id: Id, sequence: number, bytes: Uint8Array, now: Instant): Promise<void>;
  unstage(id: Id): Promise<void>;
}

export class Callers {
  readonly #place: Place;
  /** What each handle does now: savepoints of two calls must not cross. */
  readonly #turns = new WeakMap<object, Promise<unknown>>();
  /** Handles that were seen to be of the queue's database, and how. It is looked at each time: one connection may serve many tenants. */
  readonly #here = new WeakMap<object, Whereabouts>();

  constructor(place: Place) {
    this.#place = place;
  }

  /** Throws TRANSACTION_UNKNOWN, TRANSACTION_NOT_OPEN and TRANSACTION_ELSEWHERE, as far as it shows now. */
  async join(handle: unknown): Promise<CallersTransaction> {
    const caller = await recognise(handle, this.#place.engine);
    const turn = <T>(steps: Steps<T>): Promise<T> => this.#inTurn(handle as object, caller, steps);
    const { dialect } = this.#place;
    return {
      insert: (message, now, again) => turn(this.#insert(handle as object, caller, message, now, again)),
      stage: (id, sequence, bytes, now) =>
        turn(this.#whole(handle as object, caller, stageSteps(dialect, id, sequence, bytes, now))),
      unstage: async (id) => {
        await turn(dropStaged(id));
      },
    };
  }

  /** For connections that answer at once; the others throw TRANSACTION_UNKNOWN. */
  insertSync(handle: unknown, message: NewMessage, now: Instant, again: boolean): Inserted {
    const caller = recognise(handle, this.#place.engine);
    if (caller instanceof Promise || !('run' in caller)) throw notSync(caller);
    return carryOutSync(caller, this.#insert(handle as object, caller, message, now, again));
  }

  async #inTurn<T>(handle: object, caller: Caller, steps: Steps<T>): Promise<T> {
    const before = this.#turns.get(handle);
    const turn = (async () => {
      await before?.catch(() => undefined);
      return 'run' in caller ? carryOutSync(caller, steps) : carryOut(caller, steps);
    })();
    this.#turns.set(handle, turn);
    return turn;
  }

  *#insert(handle: object, caller: Caller, message: NewMessage, now: Instant, again = false): Steps<Inserted> {
    const news = this.#place.news?.();
    const [inserted] = yield* this.#whole(handle, caller, this.#insertOnce(message, now, again));
    if (news !== undefined) yield* ask(news);
    return inserted as Inserted;
  }

  /** Asked before: in some libraries a statement that failed fails the transaction, whoever caught it. */
  *#insertOnce(message: NewMessage, now: Instant, again: boolean): Steps<readonly Inserted[]> {
    const { id } = message.message;
    if (again && (yield* isThere(id))) throw submittedBefore(id);
    return yield* insertSteps(this.#place.dialect, [message], now);
  }

  /** All of these steps or none: the application may go on after they have failed, and commit. */
  *#whole<T>(handle: object, caller: Caller, steps: Steps<T>): Steps<T> {
    yield* this.#place.savepoint(caller);
    try {
      const here = yield* beHere(this.#place, caller.name, this.#here.get(handle));
      this.#here.set(handle, here);
      const result = yield* here.isolates === true ? latest(steps) : steps;
      yield* ask('RELEASE SAVEPOINT posthaste');
      return result;
    } catch (error) {
      yield* inVain('ROLLBACK TO SAVEPOINT posthaste', 'RELEASE SAVEPOINT posthaste');
      throw error;
    }
  }
}

function* latest<T>(steps: Steps<T>): Steps<T> {
  yield* ask(LATEST.before);
  try {
    const result = yield* steps;
    yield* ask(LATEST.after);
    return result;
  } catch (error) {
    yield* inVain(LATEST.after);
    throw error;
  }
}

/** After a failure, which is the error to hear of. Where these fail too the database has rolled back all of the transaction, or is gone. */
function* inVain(...statements: readonly string[]): Steps<void> {
  try {
    for (const sql of statements) yield* ask(sql);
  } catch {}
}

function* isThere(id: Id): Steps<boolean> {
  const { rows } = yield* ask('SELECT COUNT(*) AS n FROM posthaste_messages WHERE id = ?', [idToBytes(id)]);
  return Number(rows[0]?.n) > 0;
}

function submittedBefore(id: Id): PosthasteError {
  const text = `The prepared message ${id} was submitted before, in this transaction or in one that was committed: prepare another for each that is to be sent.`;
  return new PosthasteError('ALREADY_SUBMITTED', text);
}

function notSync(caller: Caller | Promise<Caller>): PosthasteError {
  const name = caller instanceof Promise ? 'transaction' : caller.name;
  const text = `The ${name} does not answer at once: use await prepared.submit(tx) in place of submitSync.`;
  return new PosthasteError('TRANSACTION_UNKNOWN', text);
}
