/** A database server as the store's database: transactions on sessions of their own, run again where the engine asks for that. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inDoubt, isStoreAway, PosthasteError } from '../errors.ts';
import {
  type Commit,
  type Database,
  LostRace,
  type Queries,
  type Result,
  type TransactionOptions,
  type Value,
} from './database.ts';
import type { Dialect } from './dialect.ts';
import { clockFaults } from './network-clock.ts';
import type { Session } from './network-session.ts';
import { Sessions } from './network-sessions.ts';
import { NEWS_SLOTS } from './schema.ts';

/** What a driver tells of its engine, beside the dialect. */
export interface Driver {
  readonly dialect: Dialect;
  /** The database for people, without a password. */
  readonly shown: string;
  readonly connections: number;
  connect(): Promise<Session>;
  begin(commit: Commit): string;
  /** Begins to read at one moment. */
  readonly beginSnapshot: string;
  /** Before and behind work on the tables, so that no other process does any meanwhile. */
  readonly alone: { readonly begin: string; readonly end: string };
  /** The table or index is there already: part of such work was done before, where it cannot be in one transaction. */
  isThere(error: unknown): boolean;
  /** What of the server's settings loses mail, or time, in sentences. Throws CONFIG_INVALID where it cannot keep mail at all. */
  faultsOf(queries: Queries): Promise<readonly string[]>;
  /** The time of the server as `now`, ms since 1970. */
  readonly askTime: string;
  /** Whether an error is about the server as a whole, not about one statement. */
  isUnavailable(error: unknown): boolean;
  /** The server is there and says that it will be ready: it starts, or recovers. */
  isStarting(error: unknown): boolean;
  /** The server has no more sessions for us: those that we have go on. */
  isFull(error: unknown): boolean;
  /** An operator, or a time limit of the server, ended the statement, and nothing else. */
  isCancelled(error: unknown): boolean;
  /** What to do about it, or nothing. */
  advice(error: unknown): string | undefined;
  /** Tells other processes at once that there is news, and hears of theirs; null where the engine has no way to. */
  readonly wire: Wire | null;
}

/** A way for processes to wake each other. */
export interface Wire {
  /** Whether it hears of what others wrote. */
  readonly listens: boolean;
  notify(): void;
  /** Returns the way to end that. */
  listen(wake: () => void): () => void;
  close(): Promise<void>;
}

/** A transaction that lost against others is run again so often, after a pause of up to `RETRY_PAUSE` ms for each try. */
const TRIES = 12;
const RETRY_PAUSE = 20;
/** So long is a connection that could not be made tried again, ms: a server that restarts may end it half way. */
const RECONNECT_PATIENCE = 200;
/** So long may a transaction that lost its session be tried again on others, and one that somebody cancelled, ms. */
const LOST_PATIENCE = 900;

/** What came between the work and its end, and says nothing about the work: so it may be asked for again. */
type Hindrance = 'lost' | 'cancelled' | 'raced';

export class NetworkDatabase implements Database {
  readonly #driver: Driver;
  readonly #sessions: Sessions;
  #closed = false;
  #losses = 0;

  constructor(driver: Driver) {
    this.#driver = driver;
    this.#sessions = new Sessions(driver);
  }

  get onNews(): Database['onNews'] {
    const { wire } = this.#driver;
    return wire?.listens === true ? (wake) => wire.listen(wake) : undefined;
  }

  /** How often no session could be had, or one was lost. */
  get losses(): number {
    return this.#losses;
  }

  get dialect(): Dialect {
    return this.#driver.dialect;
  }

  get shown(): string {
    return this.#driver.shown;
  }

  /** What of the server's settings loses mail, or time, in sentences. Throws CONFIG_INVALID where it cannot keep mail at all. */
  async faults(): Promise<readonly string[]> {
    const { askTime } = this.#driver;
    return [...(await this.#driver.faultsOf(this)), ...(await clockFaults(this, askTime))];
  }

  query(sql: string, values: readonly Value[]): Promise<Result> {
    return this.#tried((session) => session.query(sql, values));
  }

  snapshot<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    return this.#tried((session) => this.#within(session, this.#driver.beginSnapshot, work, () => 'COMMIT'));
  }

  alone<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    const { begin, end } = this.#driver.alone;
    return this.#tried(async (session) => {
      try {
        const tolerant = this.#tolerant(session);
        return await this.#within(
          session,
          begin,
          () => work(tolerant),
          () => end,
        );
      } catch (error) {
        // A lock may be the session's, not the transaction's.
        await session.end();
        throw error;
      }
    });
  }

  async transaction<T>(
    work: (tx: Queries, again: boolean) => Promise<T>,
    { commit = 'synced', news = () => false, repeatable = false }: TransactionOptions<T> = {},
  ): Promise<T> {
    const begin = this.#driver.begin(commit);
    let committing = false;
    const result = await this.#tried((session, retry) => {
      const again = committing;
      const end = (answer: T): string => {
        committing = true;
        // From here on a lost session leaves open whether it was committed.
        retry.afterLoss = repeatable;
        return news(answer) ? newsCommit() : 'COMMIT';
      };
      return this.#within(session, begin, (tx) => this.#run(work, tx, again), end);
    }).catch((error: unknown) => {
      throw committing && isStoreAway(error) ? inDoubt(error) : error;
    });
    if (news(result)) this.#driver.wire?.notify();
    return result;
  }

  /**
   * The commit of an earlier run may still be under way on a session that was lost: `work` cannot see it, and what it inserts again waits
   * for it and then is a duplicate. The next run finds it.
   */
  async #run<T>(work: (tx: Queries, again: boolean) => Promise<T>, tx: Queries, again: boolean): Promise<T> {
    try {
      return await work(tx, again);
    } catch (error) {
      if (!again || !this.#driver.dialect.isDuplicate(error)) throw error;
      throw new LostRace('an earlier run was committed meanwhile', { cause: error });
    }
  }

  #tolerant(session: Session): Queries {
    const ignore = (error: unknown): Result => {
      if (this.#driver.isThere(error)) return { rows: [], changed: 0 };
      throw error;
    };
    return { query: (sql, values) => session.query(sql, values).catch(ignore) };
  }

  async changeMark(): Promise<number> {
    const { rows } = await this.query('SELECT SUM(mark) AS mark FROM posthaste_news', []);
    return Number(rows[0]?.mark ?? 0);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#driver.wire?.close();
    await this.#sessions.close();
  }

  /** Begins, works, ends; what fails is undone. */
  async #within<T>(
    session: Session,
    begin: string,
    work: (tx: Queries) => Promise<T>,
    end: (result: T) => string,
  ): Promise<T> {
    try {
      await session.run(begin);
      const result = await work(session);
      await session.run(end(result));
      return result;
    } catch (error) {
      await session.run('ROLLBACK').catch(() => session.end());
      throw error;
    }
  }

  /** Runs `work` on a session, and again where the server came between: another transaction, an operator, its own end. */
  async #tried<T>(work: (session: Session, retry: { afterLoss: boolean }) => Promise<T>): Promise<T> {
    if (this.#closed) throw new PosthasteError('STOPPED', 'The store is closed: open it again before you use it.');
    const begun = performance.now();
    const spent = (): number => performance.now() - begun;
    for (let tries = 1; ; tries++) {
      const session = await this.#sessions.take().catch((error: unknown) => {
        this.#losses++;
        if (spent() > RECONNECT_PATIENCE) throw this.#unavailable(error);
        return undefined;
      });
      const retry = { afterLoss: true };
      try {
        if (session !== undefined) return await work(session, retry);
      } catch (error) {
        const hindrance = this.#hindranceIn(error, session);
        if (hindrance === undefined) throw error;
        if (hindrance === 'lost') await this.#lose(session);
        const open = hindrance === 'raced' ? tries < TRIES : spent() < LOST_PATIENCE;
        if (!open || (hindrance === 'lost' && !retry.afterLoss)) throw this.#unavailable(error);
      } finally {
        if (session !== undefined) this.#sessions.give(session);
      }
      await sleep(Math.random() * RETRY_PAUSE * tries);
    }
  }

  #hindranceIn(error: unknown, session: Session | undefined): Hindrance | undefined {
    if (session?.usable !== true || this.#driver.isUnavailable(error)) return 'lost';
    if (this.#driver.isCancelled(error)) return 'cancelled';
    return error instanceof LostRace || this.#driver.dialect.isRetryable(error) ? 'raced' : undefined;
  }

  async #lose(session: Session | undefined): Promise<void> {
    this.#losses++;
    await session?.end();
    this.#sessions.dropIdle();
  }

  #unavailable(cause: unknown): PosthasteError {
    if (cause instanceof PosthasteError) return cause;
    const { shown } = this.#driver;
    const text = `The database ${shown} cannot be used: ${messageOf(cause)}.`;
    const advice = this.#driver.advice(cause);
    return new PosthasteError('STORE_UNAVAILABLE', advice === undefined ? text : `${text} ${advice}`, { cause });
  }
}

/** A counter for all would make every commit wait for the one before. */
function newsCommit(): string {
  const slot = Math.floor(Math.random() * NEWS_SLOTS);
  return `UPDATE posthaste_news SET mark = mark + 1 WHERE slot = ${slot}; COMMIT`;
}

/** Several addresses of one name fail with several causes and an empty text. */
function messageOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return messageOf(cause.errors[0]);
  const text = cause instanceof Error ? cause.message : String(cause);
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? '';
  return code === '' || text.includes(code) ? text : `${text} (${code})`;
}
