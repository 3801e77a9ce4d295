/** What a database must offer to carry the store: queries and transactions, whatever the engine. */

/** Everything that goes into or comes out of a column. Integers are whole JavaScript numbers. */
export type Value = string | number | Uint8Array | null;
export type Row = Readonly<Record<string, Value>>;

export interface Result {
  readonly rows: readonly Row[];
  /** Rows that an UPDATE, INSERT or DELETE touched. */
  readonly changed: number;
}

/** A connection, a transaction, or a caller's own transaction. Texts have `?` for each value; a driver may number them. */
export interface Queries {
  query(sql: string, values: readonly Value[]): Promise<Result>;
}

/**
 * What a transaction asks of its commit. `synced`: at once, on disk before it resolves. `riding`: on disk before it resolves,
 * but it may wait some milliseconds for another transaction to share its sync with. `unsynced`: at once, and lost with the power
 * at worst, because what it says would be done again anyway.
 */
export type Commit = 'synced' | 'riding' | 'unsynced';

/** What another transaction did in between spoiled this one; it may succeed when it is run again. */
export class LostRace extends Error {
  override readonly name = 'LostRace';
}

/** `T`: what the work answers with. */
export interface TransactionOptions<T = never> {
  readonly commit?: Commit;
  /** Rows that wait with it: enough of them do not wait for others. Default 1. */
  readonly weight?: number;
  /** Whether what it wrote may be work for other processes, which shall hear of it where databases do not notice by themselves. */
  readonly news?: (result: T) => boolean;
  /**
   * When the connection is lost while it is committed, nobody knows whether it was. The work finds that out by itself, and may be
   * run again; else the caller is told that the database cannot be used. It then was committed, or never will be.
   */
  readonly repeatable?: boolean;
}

export interface Database extends Queries {
  /** `query` outside of a transaction is for reading, and sees what is committed. */
  query(sql: string, values: readonly Value[]): Promise<Result>;
  /**
   * All that `work` writes, or nothing. It may be run again from its start when the engine asks for that. `again`: an earlier run may
   * have been committed (`repeatable`).
   */
  transaction<T>(work: (tx: Queries, again: boolean) => Promise<T>, options?: TransactionOptions<T>): Promise<T>;
  /** Several queries that see the database at one moment. */
  snapshot<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  /** Differs from the last one when another process may have written. */
  changeMark(): Promise<number>;
  /** Calls back at once when another process has written something of which it gave notice; returns the way to end that. */
  readonly onNews?: ((wake: () => void) => () => void) | undefined;
  /** How often it was found gone; absent: what one process wrote it sees as long as it lives. */
  readonly losses?: number | undefined;
  /** Work on the tables themselves, while no other process does any. Where they cannot be changed in a transaction it may find a part done. */
  alone<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
