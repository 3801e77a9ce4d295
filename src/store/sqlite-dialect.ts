/** SQLite's dialect. There is one writer at a time, so no row is ever locked. */
import type { Dialect } from './dialect.ts';

export const sqliteDialect: Dialect = {
  engine: 'SQLite',
  types: { id: 'BLOB', bytes: 'BLOB', integer: 'INTEGER', name: 'TEXT', text: 'TEXT' },
  tableOptions: ' STRICT, WITHOUT ROWID',
  // Where the key is the table, each comparison on the way to a row reads the whole of a row, with its content.
  contentTableOptions: ' STRICT',
  partialIndexes: true,
  maxValues: 32_766,
  lock: '',
  lockFree: '',
  tuples: ['(VALUES ', ')'],
  typed: { id: '?', bytes: '?', integer: '?', name: '?', text: '?' },
  contains: (column) => `instr(${column}, ?) > 0`,
  unlessTaken: (column, where) => ` ON CONFLICT (${column})${where === undefined ? '' : ` WHERE ${where}`} DO NOTHING`,
  updateFrom: 'WITH v ({columns}) AS (VALUES {rows}) UPDATE {table} SET {set} FROM v WHERE {on}',
  isRetryable: () => false,
};
