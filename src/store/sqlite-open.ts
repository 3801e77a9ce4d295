/** A SQLite store in the thread that opens it. */
import { migrate } from './migrate.ts';
import { SqlStore } from './sql-store.ts';
import { prepareFile } from './sqlite-connection.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { sqliteDialect } from './sqlite-dialect.ts';
import { WalKeeper } from './sqlite-wal.ts';

/** The store, and the orderly end of it. */
export interface Opened {
  readonly store: SqlStore;
  close(): Promise<void>;
}

/** Makes the file where there is none, brings its tables up to date, and keeps its log short. */
export async function openToKeep(path: string): Promise<Opened> {
  const { database, close } = openFile(path);
  await migrate(database, sqliteDialect, path);
  return { store: new SqlStore(database, sqliteDialect), close };
}

/** Makes the file where there is none, and keeps its log short. */
export function openFile(path: string): { readonly database: SqliteDatabase; close(): Promise<void> } {
  prepareFile(path);
  const wal = new WalKeeper(path);
  const database = new SqliteDatabase(path, (writer) => wal.afterCommit(writer));
  return {
    database,
    close: async () => {
      await wal.close();
      await database.close();
    },
  };
}

/** For searches in a database that is there. */
export function openToLook(path: string): Opened {
  const store = new SqlStore(new SqliteDatabase(path), sqliteDialect);
  return { store, close: () => store.close() };
}
