/** Every difference between the engines, as values: the statements themselves stand once, elsewhere. */

export type ColumnType =
  /** The 16 bytes of an id or token. */
  | 'id'
  /** Bytes without a limit that matters. */
  | 'bytes'
  /** Whole numbers of up to 53 bits. */
  | 'integer'
  /** Text that stands in an index: some hundred characters, compared byte by byte. */
  | 'name'
  /** Text of any length. */
  | 'text';

export interface Dialect {
  /** For messages to people. */
  readonly engine: string;
  readonly types: Readonly<Record<ColumnType, string>>;
  /** Behind the closing bracket of CREATE TABLE. */
  readonly tableOptions: string;
  /** The same for tables whose rows hold contents. */
  readonly contentTableOptions: string;
  /** Whether CREATE INDEX takes a WHERE: then an index holds only the rows that somebody looks for in it. */
  readonly partialIndexes: boolean;
  /** Values in one statement, at most. */
  readonly maxValues: number;
  /** Locks the rows of a SELECT until the end of the transaction, waiting for others who have them. */
  readonly lock: string;
  /** The same, but leaves out rows that somebody else has locked. */
  readonly lockFree: string;
  /** Around a list of tuples behind IN. */
  readonly tuples: readonly [open: string, close: string];
  /** A placeholder whose type cannot be told from its surroundings. */
  readonly typed: Readonly<Record<ColumnType, string>>;
  /** A condition: the text in `column` has the value somewhere in it, compared byte by byte. */
  contains(column: string): string;
  /** Behind an INSERT: leaves out rows whose `column` is taken. `where` is the condition of a partial unique index. */
  unlessTaken(column: string, where?: string): string;
  /** An UPDATE of `{table}` by a list of rows; slots {table}, {columns}, {rows}, {set}, {on}; the list is called `v`. */
  readonly updateFrom: string;
  /** The error says that the same work may succeed when it is run again: a deadlock, a lost serialization. */
  isRetryable(error: unknown): boolean;
}
