/** A transaction of Kysely, controlled or not, over any of its dialects. */
import type { Value } from '../database.ts';
import { buffered, type Engine, inEngine, noTransaction, plainRows, type Recogniser } from './caller.ts';

interface Transaction {
  readonly isTransaction: boolean;
  readonly isCommitted?: boolean;
  readonly isRolledBack?: boolean;
  withoutPlugins(): Transaction;
  executeQuery(query: object): Promise<{ readonly rows: readonly object[]; readonly numAffectedRows?: bigint }>;
}

export const kysely: Recogniser = (handle, engine) => {
  if (!('executeQuery' in handle && 'withoutPlugins' in handle)) return undefined;
  const trx = handle as Transaction;
  if (!trx.isTransaction) {
    throw noTransaction('a Kysely database, not a transaction', 'the trx that db.transaction().execute() gives');
  }
  const plain = trx.withoutPlugins();
  return {
    name: 'Kysely transaction',
    isOpen: () => trx.isCommitted !== true && trx.isRolledBack !== true,
    query: async (sql: string, values: readonly Value[]) => {
      const { rows, numAffectedRows } = await plain.executeQuery(compiled(sql, values, engine));
      return { rows: plainRows(rows), changed: Number(numAffectedRows ?? 0n) };
    },
  };
};

/** A `CompiledQuery` as `CompiledQuery.raw` makes it. */
function compiled(sql: string, values: readonly Value[], engine: Engine): object {
  const [text, given] = inEngine(sql, values, engine);
  const query = { kind: 'RawNode', sqlFragments: [text], parameters: [] };
  return { sql: text, parameters: buffered(given), query, queryId: { queryId: 'posthaste' } };
}
