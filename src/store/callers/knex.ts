/** A transaction of Knex. Its connection is asked directly, past what the application has Knex make of names and answers. */
import { noTransaction, type Recogniser } from './caller.ts';

interface Transaction {
  readonly isTransaction?: boolean;
  readonly client: { acquireConnection(): Promise<object> };
  isCompleted(): boolean;
}

export const knex: Recogniser = (handle, _, driverOf) => {
  if (typeof handle !== 'function' || !('client' in handle && 'raw' in handle)) return undefined;
  const trx = handle as unknown as Transaction;
  if (trx.isTransaction !== true) {
    throw noTransaction('a Knex instance, not a transaction', 'the trx that knex.transaction() gives');
  }
  const wrap = async () => {
    const inner = driverOf(await trx.client.acquireConnection(), 'Knex transaction');
    return { ...inner, isOpen: () => !trx.isCompleted() && inner.isOpen() };
  };
  return wrap();
};
