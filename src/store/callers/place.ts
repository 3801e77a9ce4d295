/** The database of a store, as seen from a transaction of the application: whether both are the same one. */
import { existsSync, realpathSync } from 'node:fs';
import { PosthasteError } from '../../errors.ts';
import type { Dialect } from '../dialect.ts';
import { CHANNEL } from '../postgres-wire.ts';
import { IDENTITY } from '../sql-store.ts';
import { sqliteDialect } from '../sqlite-dialect.ts';
import { ask, type Steps } from '../steps.ts';
import { type Caller, type Engine, notOpen } from './caller.ts';
import { ownNews } from './news.ts';

/** Where the tables of the queue are, and how a connection tells whether it is there. */
export interface Place {
  readonly engine: Engine;
  readonly dialect: Dialect;
  /** For people. */
  readonly shown: string;
  /** What unqualified tables belong to now; `before`: what was found on the same handle last. */
  whereabouts(before: Whereabouts | undefined): Steps<Whereabouts>;
  isHere(answer: unknown): boolean;
  /** Begins a savepoint called `posthaste` in the open transaction; throws TRANSACTION_NOT_OPEN where there is none. */
  savepoint(caller: Caller): Steps<void>;
  /** What else is said in the transaction, for other processes to hear at its commit. */
  news?(): string;
}

export interface Whereabouts {
  /** As `isHere` knows it; undefined where there are no tables of the queue. */
  readonly place: unknown;
  /** The connection has `innodb_snapshot_isolation`. */
  readonly isolates?: boolean;
  /** PostgreSQL's own number of the table that says so. */
  readonly table?: unknown;
  /** What the connection says its texts in, where that is not `utf8mb4`. */
  readonly charset?: string;
}

/**
 * Around statements that lock what is committed, whatever the snapshot of the transaction: with `innodb_snapshot_isolation`, which MariaDB has by
 * itself from 11.6.2 on, they would fail with ER_CHECKREAD where that is newer, and all that the application wrote would be undone.
 */
export const LATEST = {
  before: 'SET innodb_snapshot_isolation = OFF',
  after: 'SET innodb_snapshot_isolation = ON',
} as const;

/** A queue that is attached under another name is elsewhere: a commit of two files is not one, with a write-ahead log. */
export function sqlitePlace(path: string): Place {
  return {
    engine: 'SQLite',
    dialect: sqliteDialect,
    shown: path,
    whereabouts: sqliteFile,
    isHere: (answer) => typeof answer === 'string' && isSameFile(answer, path),
    savepoint: sqliteSavepoint,
  };
}

/** Outside of a transaction SQLite takes a savepoint for the beginning of one; inside, a second beginning fails and does no harm. */
function* sqliteSavepoint(caller: Caller): Steps<void> {
  const told = caller.isOpen();
  const isOpen = told ?? !(yield* succeeds('BEGIN'));
  if (!isOpen && told === undefined) yield* ask('ROLLBACK');
  if (!isOpen) throw notOpen(caller.name);
  yield* ask('SAVEPOINT posthaste');
}

function* succeeds(sql: string): Steps<boolean> {
  try {
    yield* ask(sql);
    return true;
  } catch {
    return false;
  }
}

/** As SQLite does, which names the log after the file that a symbolic link leads to. */
function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => (existsSync(path) ? realpathSync.native(path) : undefined));
  return a !== undefined && a === b;
}

/** A queue on a server is known by its own name in its tables: a connection may see others of the same names, by its schema or database. */
export function serverPlace(engine: Engine, dialect: Dialect, identity: string, mayIsolate: boolean): Place {
  const own =
    engine === 'PostgreSQL'
      ? { savepoint: postgresSavepoint, whereabouts: postgresIdentity, news: () => NOTIFY }
      : { savepoint: mysqlSavepoint, whereabouts: () => mysqlIdentity(mayIsolate), news: ownNews };
  return {
    engine,
    dialect,
    shown: `another ${engine} database`,
    isHere: (answer) => answer === identity,
    ...own,
  };
}

/** Other processes hear of it at the commit. */
const NOTIFY = `NOTIFY ${CHANNEL}`;

/** no_active_sql_transaction */
const NONE_OPEN = '25P01';

function* postgresSavepoint(caller: Caller): Steps<void> {
  try {
    yield* ask('SAVEPOINT posthaste');
  } catch (error) {
    throw codesOf(error).includes(NONE_OPEN) ? notOpen(caller.name, error) : error;
  }
}

/** Outside of a transaction MySQL ends the savepoint with its own statement. */
function* mysqlSavepoint(caller: Caller): Steps<void> {
  try {
    yield* ask('SAVEPOINT posthaste');
  } catch (error) {
    throw isUnprepared(error) ? prepares(caller.name, error) : error;
  }
  try {
    yield* ask('ROLLBACK TO SAVEPOINT posthaste');
  } catch (error) {
    throw notOpen(caller.name, error);
  }
}

/** ER_UNSUPPORTED_PS. Prisma has the number in a text alone. */
const UNPREPARED = 1295;

function isUnprepared(error: unknown): boolean {
  const { errno, message } = error as { readonly errno?: unknown; readonly message?: unknown };
  return errno === UNPREPARED || String(message).includes(`\`${UNPREPARED}\``);
}

/** MariaDB prepares savepoints too. */
function prepares(name: string, cause: unknown): PosthasteError {
  const text =
    `The ${name} prepares each statement, and MySQL prepares no SAVEPOINT: let it send texts. ` +
    'With Prisma: new PrismaMariaDb(url, { useTextProtocol: true }); with mysql2: query in place of execute.';
  return new PosthasteError('TRANSACTION_UNKNOWN', text, { cause });
}

/** Libraries put errors of their own around those of the driver. */
function codesOf(error: unknown): unknown[] {
  const codes: unknown[] = [];
  for (let each = error as { code?: unknown; cause?: unknown } | undefined; each; each = each.cause as typeof each) {
    codes.push(each.code);
  }
  return codes;
}

/** Nothing may fail here: postgres.js takes any failed statement for the failure of its transaction. */
function* postgresIdentity(before: Whereabouts | undefined): Steps<Whereabouts> {
  const { rows } = yield* ask("SELECT to_regclass('posthaste_identity')::oid::text AS place");
  const table = rows[0]?.place;
  if (table == null) return { place: undefined };
  return table === before?.table ? before : { place: (yield* ask(IDENTITY)).rows[0]?.place, table };
}

function* mysqlIdentity(mayIsolate: boolean): Steps<Whereabouts> {
  const isolates = mayIsolate ? '@@innodb_snapshot_isolation' : '0';
  const charset = "CONCAT(@@character_set_client, ' ', @@character_set_connection)";
  const told = `, ${isolates} AS isolates, ${charset} AS charset FROM`;
  const row = (yield* unlessMissing(ask(IDENTITY.replace(' FROM', told))))?.rows[0];
  const other = String(row?.charset ?? '')
    .split(' ')
    .find((name) => name !== '' && name !== 'utf8mb4');
  return { place: row?.place, isolates: Number(row?.isolates) === 1, ...(other !== undefined && { charset: other }) };
}

/** A connection cannot leave its file. */
function* sqliteFile(before: Whereabouts | undefined): Steps<Whereabouts> {
  if (before !== undefined) return before;
  // A write comes first: one who reads and then writes may find that others have written in between.
  yield* unlessMissing(ask('DELETE FROM posthaste_staging WHERE id IS NULL'));
  const { rows } = yield* ask("SELECT file AS place FROM pragma_database_list WHERE name = 'main'");
  return { place: rows[0]?.place };
}

function* unlessMissing<T>(steps: Steps<T>): Steps<T | undefined> {
  try {
    return yield* steps;
  } catch (error) {
    // In the words of any of the engines: the connection may be of another one.
    if (!/no such table|does not exist|doesn't exist/i.test(String(error))) throw error;
    return undefined;
  }
}

/** Throws TRANSACTION_ELSEWHERE, and TRANSACTION_UNKNOWN where the connection would change the letters of what is written. */
export function* beHere(place: Place, name: string, before: Whereabouts | undefined): Steps<Whereabouts> {
  const found = yield* place.whereabouts(before);
  if (found.charset !== undefined) {
    const text = `The ${name} says its texts in ${found.charset}, which has not all letters of mail: connect with the character set utf8mb4.`;
    throw new PosthasteError('TRANSACTION_UNKNOWN', text);
  }
  if (place.isHere(found.place)) return found;
  const there = place.engine === 'SQLite' && found.place ? String(found.place) : 'another database';
  const text =
    `The ${name} is of ${there}, and the queue is kept in ${place.shown}: what belongs together can only be committed ` +
    'together in one database. Open the queue with the database of the application.';
  throw new PosthasteError('TRANSACTION_ELSEWHERE', text);
}
