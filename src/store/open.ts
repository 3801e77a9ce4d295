/** From the URL of a database to the store in it. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PosthasteError } from '../errors.ts';
import type { Store } from '../queue/store.ts';
import type { Log } from '../runtime/log.ts';
import type { Database } from './database.ts';
import type { Dialect } from './dialect.ts';
import { migrate } from './migrate.ts';
import type { NetworkDatabase } from './network-database.ts';
import { SqlStore } from './sql-store.ts';
import { openSqlite, openSqliteHere } from './sqlite.ts';

export interface OpenOptions {
  readonly log?: Log;
  /** For a command of the moment: no thread of its own for a SQLite file. Default: one, so that no sync stops the event loop. */
  readonly here?: boolean;
  /** A process of its own for a SQLite file, in place of a thread: this one may have the same file open with another library. */
  readonly apart?: boolean;
}

const ALLOWED =
  'Allowed are sqlite:PATH, a plain path, postgres://user:password@host:5432/database and mysql://user:password@host:3306/database.';

/** `sqlite:PATH`, a plain path, or the URL of a server. Makes what is missing and brings an older schema up to date. */
export async function openStore(url: string, options: OpenOptions = {}): Promise<Store> {
  const [store, database] = await open(url, options);
  options.log?.debug({ database }, 'database open');
  return store;
}

/** A database as it is, its tables not looked at yet. */
export interface OpenDatabase {
  readonly database: Database;
  readonly dialect: Dialect;
  /** For people, without the password. */
  readonly shown: string;
  close(): Promise<void>;
}

/** The database itself, for work on all of its tables. A file is made where there is none. */
export async function openDatabase(url: string): Promise<OpenDatabase> {
  if (isNetwork(url)) {
    const database = await connect(url);
    return { database, dialect: database.dialect, shown: database.shown, close: () => database.close() };
  }
  const shown = sqlitePath(url);
  const [{ openFile }, { sqliteDialect }, { unavailable }] = await Promise.all([
    import('./sqlite-open.ts'),
    import('./sqlite-dialect.ts'),
    import('./sqlite-connection.ts'),
  ]);
  try {
    return { ...openFile(shown), dialect: sqliteDialect, shown };
  } catch (error) {
    throw error instanceof PosthasteError ? error : unavailable(shown, error);
  }
}

/** The file of a database; null: it is on a server. */
export function databaseFile(url: string): string | null {
  return isNetwork(url) ? null : sqlitePath(url);
}

const isNetwork = (url: string): boolean => /^(postgres(ql)?|mysql|mariadb):/i.test(url);

async function open(url: string, { here, apart, log }: OpenOptions): Promise<[store: Store, shown: string]> {
  if (isNetwork(url)) return openNetwork(await connect(url), log);
  const path = sqlitePath(url);
  return [await (here ? openSqliteHere(path) : openSqlite(path, apart)), path];
}

/** Loaded where it is needed only: a command on a SQLite file starts 15 ms sooner. */
async function connect(url: string): Promise<NetworkDatabase> {
  const { parseNetworkUrl } = await import('./network-url.ts');
  if (/^postgres/i.test(url)) return (await import('./postgres-database.ts')).openPostgres(parseNetworkUrl(url, 5432));
  return (await import('./mysql-database.ts')).openMysql(parseNetworkUrl(url, 3306));
}

/** What opened is closed again when its tables cannot be used. */
async function openNetwork(database: NetworkDatabase, log: Log | undefined): Promise<[store: Store, shown: string]> {
  const { dialect, shown } = database;
  try {
    for (const fault of await database.faults()) log?.warn({ database: shown }, fault);
    await migrate(database, dialect, shown);
  } catch (error) {
    await database.close();
    throw error;
  }
  return [new SqlStore(database, dialect), shown];
}

/** The file that a URL names; a scheme has two letters at least, for the sake of Windows' drives. */
export function sqlitePath(url: string): string {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'sqlite' && scheme !== 'file') {
    throw new PosthasteError('CONFIG_INVALID', `No store for databases of the kind ${scheme}: is known. ${ALLOWED}`);
  }
  const path = pathOf(url, scheme);
  if (path === ':memory:') {
    const why = 'a queue in memory is lost with its process, and every process would have its own';
    throw new PosthasteError('CONFIG_INVALID', `The database cannot be :memory: because ${why}. ${ALLOWED}`);
  }
  if (path === '') throw new PosthasteError('CONFIG_INVALID', `The database names no file. ${ALLOWED}`);
  return resolve(path);
}

/** `sqlite:queue.db`, `sqlite:/var/lib/queue.db` and `sqlite:///var/lib/queue.db` are paths; `file:` is a URL with its escapes. */
function pathOf(url: string, scheme: string | undefined): string {
  if (scheme === undefined) return url;
  if (scheme === 'file') return url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length);
  return url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
}
