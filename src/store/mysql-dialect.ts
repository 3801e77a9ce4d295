/** The dialect of MariaDB, from version 10.6 on, and of MySQL, from 8.0.1 on. */
import type { ColumnType, Dialect } from './dialect.ts';

/** Names are octets: every collation of theirs that both engines know takes `a` and `a ` for the same. 320 characters and their index fit. */
const types: Readonly<Record<ColumnType, string>> = {
  id: 'BINARY(16)',
  bytes: 'LONGBLOB',
  integer: 'BIGINT',
  name: 'VARBINARY(1280)',
  text: 'LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
};

const TABLE_OPTIONS = ' ENGINE=InnoDB ROW_FORMAT=DYNAMIC';

/** Waited too long for a lock, deadlock, changed since it was read. */
const RETRYABLE: readonly unknown[] = [1205, 1213, 1020];
const DUPLICATE_KEY = 1062;
const NO_SUCH_TABLE = 1146;

const numberOf = (error: unknown): unknown => (error as { readonly errno?: unknown } | null)?.errno;

export const mysqlDialect: Dialect = {
  engine: 'MySQL or MariaDB',
  types,
  tableOptions: TABLE_OPTIONS,
  contentTableOptions: TABLE_OPTIONS,
  partialIndexes: false,
  partialIndexesKeepKnown: true,
  isQueued: "state = 'queued'",
  byIndex: (index) => ` FORCE INDEX (${index})`,
  maxValues: 65_535,
  // A packet may have 16 megabytes, where nobody changed that.
  maxOctets: 4 * 1024 * 1024,
  lock: ' FOR UPDATE',
  // The attempt to insert a row that is there has locked it as well.
  keep: ' FOR UPDATE',
  latest: ' LOCK IN SHARE MODE',
  lockFree: ' FOR UPDATE SKIP LOCKED',
  tuples: ['(', ')'],
  typed: {
    id: 'CAST(? AS BINARY(16))',
    bytes: 'CAST(? AS BINARY)',
    integer: 'CAST(? AS SIGNED)',
    name: 'CAST(? AS BINARY)',
    text: 'CAST(? AS CHAR CHARACTER SET utf8mb4)',
  },
  hasNews: true,
  contains: (column) => `LOCATE(CAST(? AS BINARY), ${column}) > 0`,
  lower: (column) => `LOWER(${column})`,
  least: (column) => `MIN(${column})`,
  unlessTaken: (column) => ` ON DUPLICATE KEY UPDATE ${column} = ${column}`,
  updateFrom({ table, columns, row, rows, set, on }) {
    const names = columns.split(', ');
    const first = row.split(', ').map((value, i) => `${value} AS ${names[i]}`);
    const others = ` UNION ALL SELECT ${row}`.repeat(rows - 1);
    return `UPDATE ${table} JOIN (SELECT ${first.join(', ')}${others}) v ON ${on} SET ${set}`;
  },
  isRetryable: (error) => RETRYABLE.includes(numberOf(error)),
  isDuplicate: (error) => numberOf(error) === DUPLICATE_KEY,
  isMissingTable: (error) => numberOf(error) === NO_SUCH_TABLE,
};
