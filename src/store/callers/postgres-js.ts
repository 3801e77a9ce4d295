/** The `sql` that postgres.js gives to the function of `sql.begin`. */
import type { Row, Value } from '../database.ts';
import { readerOf } from '../postgres-queries.ts';
import { buffered, inEngine, noTransaction, type Recogniser, snake } from './caller.ts';

interface Answer extends ReadonlyArray<readonly (Buffer | null)[]> {
  readonly count: number | null;
  readonly columns?: readonly { readonly name: string; readonly type: number }[];
}

interface Sql {
  unsafe(text: string, values: readonly unknown[]): { raw(): Promise<Answer> };
}

export const postgresJs: Recogniser = (handle) => {
  if (typeof handle !== 'function' || !('unsafe' in handle)) return undefined;
  if (!('savepoint' in handle)) {
    throw noTransaction('the sql of postgres.js itself', 'the sql that sql.begin() gives to its function');
  }
  const sql = handle as unknown as Sql;
  return {
    name: 'postgres.js transaction',
    engine: 'PostgreSQL',
    isOpen: () => undefined,
    query: async (text: string, values: readonly Value[]) => {
      // Raw, so that neither the parsers nor the transforms of the application come between.
      const [statement, given] = inEngine(text, values, 'PostgreSQL');
      const answer = await sql.unsafe(statement, buffered(given)).raw();
      return { rows: answer.map((row) => rowOf(row, answer.columns ?? [])), changed: answer.count ?? 0 };
    },
  };
};

function rowOf(row: readonly (Buffer | null)[], columns: NonNullable<Answer['columns']>): Row {
  const value = (i: number, type: number): Value => (row[i] ? readerOf(type)(row[i].toString()) : null);
  return Object.fromEntries(columns.map(({ name, type }, i) => [snake(name), value(i, type)]));
}
