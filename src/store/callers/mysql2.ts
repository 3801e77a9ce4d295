/** A connection of mysql2, with callbacks or promises, alone or from a pool. */
import { type MysqlClient, MysqlQueries } from '../mysql-queries.ts';
import { noTransaction, type Recogniser } from './caller.ts';

export const mysql2: Recogniser = (handle) => {
  if (!('execute' in handle) || !('query' in handle)) return undefined;
  if ('getConnection' in handle) {
    throw noTransaction(
      'a pool of mysql2',
      'the connection that pool.getConnection() gave and that began the transaction',
    );
  }
  if (!('threadId' in handle) && !('connection' in handle)) return undefined;
  const client = ('promise' in handle ? (handle.promise as () => unknown).call(handle) : handle) as MysqlClient;
  // Savepoints cannot be prepared in MySQL; values go prepared, for the application's sql_mode may read escapes in another way.
  const [plain, prepared] = [new MysqlQueries(client, false, true), new MysqlQueries(client, true, true)];
  return {
    name: 'mysql2 connection',
    engine: 'MySQL',
    isOpen: () => undefined,
    query: (sql, values) => (values.length === 0 ? plain : prepared).query(sql, values),
  };
};
