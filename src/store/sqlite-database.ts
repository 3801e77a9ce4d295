/** SQLite as the store's database, in one thread: group commit on a writing connection, reads on a second one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PosthasteError } from '../errors.ts';
import type { Commit, Database, Queries, Result, TransactionOptions, Value } from './database.ts';
import { isBusy, isUnavailable, SqliteConnection, unavailable } from './sqlite-connection.ts';

/**
 * How long a riding transaction waits for others like it, ms: as long as ten syncs, within these bounds. Those that somebody waits for pass it
 * meanwhile, and are written sooner without it.
 */
const RIDE = { least: 2, most: 20, syncs: 10 } as const;
/** With so many rows waiting, a sync of their own is cheap for each. */
const ENOUGH_TO_GO = 30;
/** How long a caller waits for others who write, before it hears of it, ms. */
const MAX_BUSY = 30_000;

interface Waiting {
  readonly work: (tx: Queries, again: boolean) => Promise<unknown>;
  readonly commit: Commit;
  readonly weight: number;
  /** By `performance.now()`. */
  readonly since: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class SqliteDatabase implements Database {
  readonly #writer: SqliteConnection;
  readonly #reader: SqliteConnection;
  readonly #afterCommit: (writer: SqliteConnection) => void;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #running = false;
  #rideTimer: NodeJS.Timeout | undefined;
  #closing = false;
  #ride: number = RIDE.most;
  #synchronous: 'FULL' | 'NORMAL' = 'FULL';
  #snapshots: Promise<unknown> = Promise.resolve();
  #idle: (() => void) | undefined;

  /** `afterCommit` runs between two transactions. */
  constructor(path: string, afterCommit: (writer: SqliteConnection) => void = () => {}) {
    this.#writer = new SqliteConnection(path);
    enterWal(this.#writer);
    this.#reader = new SqliteConnection(path);
    this.#reader.exec('PRAGMA query_only = ON');
    this.#afterCommit = afterCommit;
  }

  async query(sql: string, values: readonly Value[]): Promise<Result> {
    try {
      return this.#reader.run(sql, values);
    } catch (error) {
      throw this.#told(error);
    }
  }

  snapshot<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    const result = this.#snapshots.then(() => this.#readAtOnce(work));
    this.#snapshots = result.catch(() => {});
    return result;
  }

  async #readAtOnce<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    try {
      this.#reader.run('BEGIN', []);
      return await work(this.#reader);
    } catch (error) {
      throw this.#told(error);
    } finally {
      endOf(this.#reader);
    }
  }

  transaction<T>(work: (tx: Queries, again: boolean) => Promise<T>, options: TransactionOptions<T> = {}): Promise<T> {
    const { commit = 'synced', weight = 1 } = options;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        work,
        commit,
        weight,
        since: performance.now(),
        resolve: resolve as (result: unknown) => void,
        reject,
      });
      this.#schedule();
    });
  }

  alone<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    return this.transaction(work);
  }

  async changeMark(): Promise<number> {
    return this.#writer.pragma('data_version') as number;
  }

  /** Carries out what waits, then closes; the last connection of all processes to go empties the WAL and removes it. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#waiting.length > 0 || this.#running) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
        this.#schedule();
      });
    }
    await this.#snapshots;
    this.#reader.close();
    this.#writer.close();
  }

  /** A turn of the event loop later, so that all calls that have arrived by then go together. */
  #schedule(): void {
    if (this.#running || this.#scheduled) return;
    if (this.#mustGo()) {
      this.#scheduled = true;
      setImmediate(() => void this.#pump());
    } else if (this.#waiting[0] !== undefined) {
      this.#rideTimer ??= setTimeout(
        () => {
          this.#rideTimer = undefined;
          this.#schedule();
        },
        Math.max(1, this.#waiting[0].since + this.#ride - performance.now()),
      );
    }
  }

  #mustGo(): boolean {
    return this.#waiting.some(({ commit }) => commit !== 'riding') || this.#ridersGo();
  }

  #ridersGo(): boolean {
    const first = this.#waiting.find(({ commit }) => commit === 'riding');
    if (first === undefined) return false;
    return this.#closing || this.#weight() >= ENOUGH_TO_GO || performance.now() >= first.since + this.#ride;
  }

  #weight(): number {
    return this.#waiting.reduce((sum, { weight }) => sum + weight, 0);
  }

  async #pump(): Promise<void> {
    this.#scheduled = false;
    this.#running = true;
    while (this.#mustGo()) {
      const [group, synced] = this.#nextGroup();
      await this.#carryOut(group, synced);
      // Answers leave, and what has arrived meanwhile is heard, before anything else begins.
      await new Promise((resolve) => setImmediate(resolve));
      this.#afterCommit(this.#writer);
    }
    this.#running = false;
    if (this.#waiting.length === 0) this.#idle?.();
    this.#schedule();
  }

  /** Everything that waits, and one sync for those who want one; without the riders, as long as they may wait. */
  #nextGroup(): [group: Waiting[], synced: boolean] {
    const ridersGo = this.#ridersGo();
    const group = ridersGo ? this.#waiting : this.#waiting.filter(({ commit }) => commit !== 'riding');
    this.#waiting = ridersGo ? [] : this.#waiting.filter(({ commit }) => commit === 'riding');
    return [group, group.some(({ commit }) => commit !== 'unsynced')];
  }

  async #carryOut(group: readonly Waiting[], synced: boolean): Promise<void> {
    try {
      await this.#begin(synced, Math.min(...group.map(({ since }) => since)) + MAX_BUSY);
      const answers: (() => void)[] = [];
      for (const waiting of group) answers.push(await this.#oneOf(group, waiting));
      this.#commit(synced);
      for (const answer of answers) answer();
    } catch (error) {
      endOf(this.#writer);
      const told = this.#told(error);
      for (const { reject } of group) reject(told);
    }
  }

  /** Waits for other processes without stopping this thread's reads. */
  async #begin(synced: boolean, deadline: number): Promise<void> {
    this.#writer.checkFiles();
    this.#setSynchronous(synced ? 'FULL' : 'NORMAL');
    for (;;) {
      try {
        this.#writer.run('BEGIN IMMEDIATE', []);
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw error;
      }
      await sleep(1);
    }
  }

  #commit(synced: boolean): void {
    const begun = performance.now();
    this.#writer.run('COMMIT', []);
    if (synced) this.#ride = Math.min(RIDE.most, Math.max(RIDE.least, RIDE.syncs * (performance.now() - begun)));
  }

  #setSynchronous(wanted: 'FULL' | 'NORMAL'): void {
    if (this.#synchronous === wanted) return;
    this.#writer.exec(`PRAGMA synchronous = ${wanted}`);
    this.#synchronous = wanted;
  }

  /** Runs one transaction of the group so that its failure leaves the others whole; answers with what to tell it after the commit. */
  async #oneOf(group: readonly Waiting[], { work, resolve, reject }: Waiting): Promise<() => void> {
    const alone = group.length === 1;
    if (!alone) this.#writer.run('SAVEPOINT one', []);
    try {
      const result = await work(this.#writer, false);
      if (!alone) this.#writer.run('RELEASE one', []);
      return () => resolve(result);
    } catch (error) {
      // Without a transaction SQLite has rolled back everything, and so it is for all of the group.
      if (alone || isUnavailable(error) || !this.#writer.inTransaction) throw error;
      this.#writer.run('ROLLBACK TO one', []);
      this.#writer.run('RELEASE one', []);
      return () => reject(error);
    }
  }

  #told(error: unknown): unknown {
    if (error instanceof PosthasteError) return error;
    return isUnavailable(error) ? unavailable(this.#writer.path, error) : error;
  }
}

/** Whatever was not committed is undone. */
function endOf(connection: SqliteConnection): void {
  try {
    if (connection.inTransaction) connection.exec('ROLLBACK');
  } catch {
    // What failed the transaction may fail this too, and is what is to be told; SQLite discards it when the file is used next.
  }
}

/** The first to open a new file changes its mode, for which SQLite does not wait like for other locks. */
function enterWal(connection: SqliteConnection): void {
  const deadline = performance.now() + MAX_BUSY;
  for (;;) {
    try {
      if (connection.pragma('journal_mode = WAL') === 'wal') return;
      throw new Error('its file system offers no shared memory, which the write-ahead log needs');
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
