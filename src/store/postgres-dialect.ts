/** PostgreSQL's dialect, from version 13 on. */
import type { ColumnType, Dialect } from './dialect.ts';

/** Few dead rows stay behind in tables that change all the time, and the planner hears early of a queue that has filled. */
const VACUUM =
  ' WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.02)';

/** Names are compared byte by byte, whatever the collation of the database: it may change with the operating system. */
const types: Readonly<Record<ColumnType, string>> = {
  id: 'bytea',
  bytes: 'bytea',
  integer: 'bigint',
  name: 'text COLLATE "C"',
  text: 'text',
};

/** Serialization lost, deadlock, and a lock that was not given within a `lock_timeout` of the server. */
const RETRYABLE: readonly unknown[] = ['40001', '40P01', '55P03'];
const UNIQUE_VIOLATION = '23505';
const UNDEFINED_TABLE = '42P01';

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown } | null)?.code;

export const postgresDialect: Dialect = {
  engine: 'PostgreSQL',
  types,
  tableOptions: VACUUM,
  contentTableOptions: '',
  partialIndexes: true,
  partialIndexesKeepKnown: false,
  isQueued: "LOWER(state) = 'queued'",
  byIndex: () => '',
  maxValues: 65_535,
  maxOctets: 8 * 1024 * 1024,
  lock: ' FOR UPDATE',
  keep: ' FOR KEY SHARE',
  latest: '',
  lockFree: ' FOR UPDATE SKIP LOCKED',
  tuples: ['(', ')'],
  typed: { id: '?::bytea', bytes: '?::bytea', integer: '?::bigint', name: '?::text', text: '?::text' },
  hasNews: true,
  contains: (column) => `strpos(${column}, ?) > 0`,
  // What it takes for letters is the locale's to say: in C only those of ASCII.
  lower: (column, word) => {
    const { capitals, smalls } = lettersBeyondAscii(word);
    return smalls === '' ? `LOWER(${column})` : `TRANSLATE(LOWER(${column}), '${capitals}', '${smalls}')`;
  },
  // Bytes have a least one from version 18 on.
  least: (column) => `MIN(encode(${column}, 'hex'))`,
  unlessTaken: (column) => ` ON CONFLICT (${column}) DO NOTHING`,
  updateFrom: ({ table, columns, row, rows, set, on }) =>
    `UPDATE ${table} SET ${set} FROM (VALUES ${Array(rows).fill(`(${row})`).join(', ')}) AS v (${columns}) WHERE ${on}`,
  isRetryable: (error) => RETRYABLE.includes(codeOf(error)),
  isDuplicate: (error) => codeOf(error) === UNIQUE_VIOLATION,
  isMissingTable: (error) => codeOf(error) === UNDEFINED_TABLE,
};

/** Each that `word` has, with its capital: letters, so that nothing ends a text in SQL. */
function lettersBeyondAscii(word: string): { readonly capitals: string; readonly smalls: string } {
  const pairs = [...new Set(word)]
    .filter((letter) => /^\p{Ll}$/u.test(letter) && letter > '\x7f')
    .map((small) => [small.toUpperCase(), small] as const)
    .filter(([capital]) => /^\p{Lu}$/u.test(capital))
    .sort();
  return { capitals: pairs.map(([capital]) => capital).join(''), smalls: pairs.map(([, small]) => small).join('') };
}
