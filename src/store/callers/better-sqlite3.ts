/** A database of better-sqlite3, or of a package that is called like it (libsql): a transaction is a state of the whole connection. */
import type { Value } from '../database.ts';
import { buffered, plainRows, type Recogniser } from './caller.ts';

interface Statement {
  readonly reader: boolean;
  all(values: readonly unknown[]): object[];
  run(values: readonly unknown[]): { readonly changes: number | bigint };
}

interface Database {
  readonly inTransaction: boolean;
  prepare(sql: string): Statement;
}

export const betterSqlite3: Recogniser = (handle) => {
  if (!isDatabase(handle)) return undefined;
  return {
    name: 'better-sqlite3 database',
    engine: 'SQLite',
    isOpen: () => handle.inTransaction,
    run: (sql: string, values: readonly Value[]) => {
      const statement = handle.prepare(sql);
      // As one array: libsql takes a single argument of bytes for an object of named values, and ends the process.
      const bound = buffered(values);
      if (statement.reader) return { rows: plainRows(statement.all(bound)), changed: 0 };
      return { rows: [], changed: Number(statement.run(bound).changes) };
    },
  };
};

function isDatabase(handle: object): handle is Database {
  return 'inTransaction' in handle && 'prepare' in handle && typeof handle.inTransaction === 'boolean';
}
