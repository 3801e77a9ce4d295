/** A transaction of Drizzle. The driver's own connection is asked: what Drizzle makes of statements depends on each of its drivers. */
import { noTransaction, type Recogniser } from './caller.ts';

interface Database {
  readonly session: { readonly client?: object };
}

export const drizzle: Recogniser = (handle, _, driverOf) => {
  if (!('session' in handle && 'dialect' in handle && 'transaction' in handle)) return undefined;
  if (!('rollback' in handle)) {
    throw noTransaction('a Drizzle database, not a transaction', 'the tx that db.transaction() gives');
  }
  return driverOf((handle as unknown as Database).session.client ?? {}, 'Drizzle transaction');
};
