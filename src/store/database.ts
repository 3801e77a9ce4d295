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

export interface TransactionOptions {
  readonly commit?: Commit;
  /** Rows that wait with it: enough of them do not wait for others. Default 1. */
  readonly weight?: number;
}

export interface Database extends Queries {
  /** `query` outside of a transaction is for reading, and sees what is committed. */
  query(sql: string, values: readonly Value[]): Promise<Result>;
  /** All that `work` writes, or nothing. It may be run again from its start when the engine asks for that. */
  transaction<T>(work: (tx: Queries) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Several queries that see the database at one moment. */
  snapshot<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  /** Differs from the last one when another process may have written. */
  changeMark(): Promise<number>;
  close(): Promise<void>;
}
