/** SQLite's dialect. There is one writer at a time, so no row is ever locked. */
import type { Dialect } from './dialect.ts';
import { LOWER } from './sqlite-connection.ts';

export const sqliteDialect: Dialect = {
  engine: 'SQLite',
  types: { id: 'BLOB', bytes: 'BLOB', integer: 'INTEGER', name: 'TEXT', text: 'TEXT' },
  tableOptions: ' STRICT, WITHOUT ROWID',
  // Where the key is the table, each comparison on the way to a row reads the whole of a row, with its content.
  contentTableOptions: ' STRICT',
  partialIndexes: true,
  partialIndexesKeepKnown: true,
  isQueued: "state = 'queued'",
  byIndex: () => '',
  maxValues: 32_766,
  maxOctets: Number.POSITIVE_INFINITY,
  lock: '',
  keep: '',
  latest: '',
  lockFree: '',
  tuples: ['(VALUES ', ')'],
  typed: { id: '?', bytes: '?', integer: '?', name: '?', text: '?' },
  contains: (column) => `instr(${column}, ?) > 0`,
  // Its own knows the letters of ASCII alone, and is several times as fast.
  lower: (column, word) => `${isAscii(word) ? 'LOWER' : LOWER}(${column})`,
  least: (column) => `MIN(${column})`,
  unlessTaken: (column) => ` ON CONFLICT (${column}) DO NOTHING`,
  hasNews: false,
  updateFrom: ({ table, columns, row, rows, set, on }) =>
    `WITH v (${columns}) AS (VALUES ${Array(rows).fill(`(${row})`).join(', ')}) UPDATE ${table} SET ${set} FROM v WHERE ${on}`,
  isRetryable: () => false,
  isDuplicate: () => false,
  isMissingTable: (error) => error instanceof Error && error.message.startsWith('no such table'),
};

function isAscii(word: string): boolean {
  return /^[\0-\x7f]*$/.test(word);
}
