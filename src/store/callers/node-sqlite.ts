/** A `DatabaseSync` of node:sqlite: a transaction is a state of the whole connection. Known by its looks: loading the module warns in Node.js 22. */
import type { DatabaseSync } from 'node:sqlite';
import type { Value } from '../database.ts';
import { buffered, plainRows, type Recogniser } from './caller.ts';

export const nodeSqlite: Recogniser = (handle) => {
  if (!isDatabase(handle)) return undefined;
  return {
    name: 'node:sqlite database',
    engine: 'SQLite',
    isOpen: () => handle.isTransaction,
    run: (sql: string, values: readonly Value[]) => {
      const statement = handle.prepare(sql);
      if (statement.columns().length === 0) {
        return { rows: [], changed: Number(statement.run(...buffered(values)).changes) };
      }
      // The application may have its databases answer with arrays.
      statement.setReturnArrays(false);
      return { rows: plainRows(statement.all(...buffered(values))), changed: 0 };
    },
  };
};

function isDatabase(handle: object): handle is DatabaseSync {
  return 'isTransaction' in handle && 'prepare' in handle && typeof handle.isTransaction === 'boolean';
}
