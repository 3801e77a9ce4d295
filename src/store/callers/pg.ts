/** A client of pg (node-postgres), alone or from a pool. */
import { type PostgresClient, PostgresQueries } from '../postgres-queries.ts';
import { noTransaction, type Recogniser } from './caller.ts';

export const pg: Recogniser = (handle) => {
  if (!('query' in handle)) return undefined;
  if ('totalCount' in handle && 'idleCount' in handle) {
    throw noTransaction('a pool of pg', 'the client that pool.connect() gave and that began the transaction');
  }
  if (!('connectionParameters' in handle)) return undefined;
  const queries = new PostgresQueries(handle as PostgresClient, false);
  return {
    name: 'pg client',
    engine: 'PostgreSQL',
    isOpen: () => undefined,
    query: (sql, values) => queries.query(sql, values),
  };
};
