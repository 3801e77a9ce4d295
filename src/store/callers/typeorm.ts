/** A transaction of TypeORM, as its EntityManager or its QueryRunner. The driver's own connection is asked, past loggers and subscribers. */
import { noTransaction, type Recogniser } from './caller.ts';

interface QueryRunner {
  readonly isTransactionActive: boolean;
  connect(): Promise<object>;
}

export const typeorm: Recogniser = (handle, _, driverOf) => {
  const runner = runnerOf(handle);
  if (runner === undefined) return undefined;
  if (!runner?.isTransactionActive) {
    throw noTransaction(
      'no transaction of TypeORM',
      'the manager that dataSource.transaction() gives, or a QueryRunner after startTransaction()',
    );
  }
  const wrap = async () => driverOf(await runner.connect(), 'TypeORM transaction');
  return wrap();
};

/** null: an EntityManager or a DataSource that has none. */
function runnerOf(handle: object): QueryRunner | null | undefined {
  if ('isTransactionActive' in handle && 'connect' in handle) return handle as QueryRunner;
  if ('getRepository' in handle && 'transaction' in handle) {
    return ((handle as { readonly queryRunner?: QueryRunner }).queryRunner ?? null) satisfies QueryRunner | null;
  }
  return undefined;
}
