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
  /**
   * Whether such an index needs columns whose value its WHERE says. PostgreSQL drops what the WHERE says from the search, and then goes
   * through an index that begins with it from end to end.
   */
  readonly partialIndexesKeepKnown: boolean;
  /**
   * The condition that a delivery is queued, as the indexes of what is queued have it, and every question to them. PostgreSQL would take
   * an index by state for cheaper where its statistics are from when nothing waited, and read all that waits: so there it is in words that
   * no other index has.
   */
  readonly isQueued: string;
  /** Behind the name of a table: this index is to be used, where the planner cannot be trusted to lock no more rows than are asked for. */
  byIndex(index: string): string;
  /** Values in one statement, at most. */
  readonly maxValues: number;
  /** Octets of texts and bytes in one statement, at most, where it has several rows. */
  readonly maxOctets: number;
  /** Locks the rows of a SELECT until the end of the transaction, waiting for others who have them. */
  readonly lock: string;
  /** As `lock`, against those who would remove the rows, where the engine can let others do the same meanwhile. */
  readonly keep: string;
  /** Behind a SELECT that counts: counts what is committed by now, where a transaction may have an older snapshot and its writes do not fail for it. */
  readonly latest: string;
  /** As `lock`, but leaves out rows that somebody else has locked. */
  readonly lockFree: string;
  /** Around a list of tuples behind IN. */
  readonly tuples: readonly [open: string, close: string];
  /** A placeholder whose type cannot be told from its surroundings. */
  readonly typed: Readonly<Record<ColumnType, string>>;
  /** A condition: the text in `column` has the value somewhere in it, compared byte by byte. */
  contains(column: string): string;
  /** The text in `column` in lower case, as far as it matters to whether it has `word` in it. */
  lower(column: string, word: string): string;
  /** The least id of a group, in bytes or in hexadecimal digits. */
  least(column: string): string;
  /** Behind an INSERT: leaves out rows whose `column` is taken. */
  unlessTaken(column: string): string;
  /** Whether processes learn from a table that others wrote something; else the engine tells. */
  readonly hasNews: boolean;
  /** An UPDATE of a table by a list of rows, which is called `v`. */
  updateFrom(parts: UpdateParts): string;
  /** The error says that the same work may succeed when it is run again: a deadlock, a lost serialization. */
  isRetryable(error: unknown): boolean;
  /** The error says that a row with this key is there already. */
  isDuplicate(error: unknown): boolean;
  /** The error says that a table is not there. */
  isMissingTable(error: unknown): boolean;
}

export interface UpdateParts {
  readonly table: string;
  /** Names of the columns of `v`, with commas. */
  readonly columns: string;
  /** The placeholders of one row of `v`, with commas. */
  readonly row: string;
  readonly rows: number;
  readonly set: string;
  readonly on: string;
}
