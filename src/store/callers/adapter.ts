/** What an application brings for a library that posthaste does not know. */
import { PosthasteError } from '../../errors.ts';
import type { Result, Row, Value } from '../database.ts';
import { inEngine, plainRows, type Recogniser } from './caller.ts';

/**
 * A way into a transaction that the application has begun, for libraries that are not recognised. Statements come one after the
 * other, each with all its values.
 */
export interface TransactionAdapter {
  /**
   * Carries out one statement in the transaction. `sql` has `?` for each value, with PostgreSQL `$1`, `$2`; values are strings,
   * whole numbers, Uint8Arrays and null. Answers with the rows of a SELECT as objects by the names of their columns, and with how many rows any other statement
   * changed.
   */
  query(
    sql: string,
    values: readonly (string | number | Uint8Array | null)[],
  ): Promise<{ readonly rows: readonly object[]; readonly changed: number }>;
}

export const adapter: Recogniser = (handle, engine) => {
  if (!('query' in handle) || typeof handle.query !== 'function') return undefined;
  const { query } = handle as TransactionAdapter;
  return {
    name: 'transaction adapter',
    isOpen: () => undefined,
    query: async (sql: string, values: readonly Value[]) => {
      return checked(await query.call(handle, ...inEngine(sql, values, engine)));
    },
  };
};

function checked(answer: { readonly rows: readonly object[]; readonly changed: number }): Result {
  if (Array.isArray(answer?.rows) && Number.isInteger(answer.changed)) {
    return { rows: plainRows(answer.rows) as Row[], changed: answer.changed };
  }
  throw new PosthasteError(
    'TRANSACTION_UNKNOWN',
    'The transaction is none that posthaste knows, and its query() does not answer with { rows, changed } as an adapter must.',
  );
}
