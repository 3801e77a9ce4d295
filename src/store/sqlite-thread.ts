/** The thread in which a SQLite store lives: carries out calls and answers them. */
import { parentPort, workerData } from 'node:worker_threads';
import { migrate } from './migrate.ts';
import { SqlStore } from './sql-store.ts';
import { prepareFile, unavailable } from './sqlite-connection.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { sqliteDialect } from './sqlite-dialect.ts';
import { WalKeeper } from './sqlite-wal.ts';
import { type Answer, type Call, failureOf, type Method, type ThreadData, transferable } from './sqlite-wire.ts';

const { path, role } = workerData as ThreadData;

/** The store, and the orderly end of it. */
interface Opened {
  readonly store: SqlStore;
  close(): Promise<void>;
}

async function open(): Promise<Opened> {
  if (role === 'look') {
    const store = new SqlStore(new SqliteDatabase(path), sqliteDialect);
    return { store, close: () => store.close() };
  }
  prepareFile(path);
  const wal = new WalKeeper(path);
  const database = new SqliteDatabase(path, (writer) => wal.afterCommit(writer));
  await migrate(database, sqliteDialect, path);
  const store = new SqlStore(database, sqliteDialect);
  return {
    store,
    close: async () => {
      await wal.close();
      await store.close();
    },
  };
}

function answer(message: Answer, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

async function carryOut({ store, close }: Opened, { call, method, args }: Call): Promise<void> {
  try {
    if (method === 'close') {
      await close();
      answer({ call, result: undefined });
      parentPort?.close();
      return;
    }
    const work = store[method] as (...args: readonly unknown[]) => Promise<unknown>;
    const result = await work.apply(store, args as unknown[]);
    answer({ call, result }, transferable(method as Method, result));
  } catch (error) {
    answer({ call, failure: failureOf(error) });
  }
}

try {
  const opened = await open();
  parentPort?.on('message', (call: Call) => void carryOut(opened, call));
  answer({ ready: true });
} catch (error) {
  const known = error instanceof Error && error.name === 'PosthasteError';
  answer({ unopened: failureOf(known ? error : unavailable(path, error)) });
}
