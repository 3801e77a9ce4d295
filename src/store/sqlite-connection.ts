/** One connection to a SQLite file, with the settings that durability rests on. */
import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { PosthasteError } from '../errors.ts';
import { makeFolders } from '../runtime/folders.ts';
import type { Queries, Result, Row, Value } from './database.ts';

/** How long a statement waits for another process, ms; the writer tries again, see `SqliteDatabase`. */
const BUSY_TIMEOUT = 250;
/** Prepared statements are kept by their text; more than this many texts only come from lists with odd filters. */
const MAX_STATEMENTS = 400;

/** A function in SQL that knows the lower case of all letters. */
export const LOWER = 'posthaste_lower';

/** The directory is for its owner alone, and so is the file; SQLite gives `-wal` and `-shm` the mode of the file. */
export function prepareFile(path: string): void {
  try {
    makeFolders(dirname(path));
    closeSync(openSync(path, 'ax', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unavailable(path, error);
    // Also of a folder that is none: SQLite cannot open what is below it, and `unavailable` says why.
  }
}

export class SqliteConnection implements Queries {
  readonly path: string;
  readonly #db: Sqlite.Database;
  readonly #statements = new Map<string, Sqlite.Statement<unknown[], Row>>();
  /** The files that it has open: the database, and its log. */
  #files: readonly (string | undefined)[];

  constructor(path: string) {
    this.path = path;
    this.#db = new Sqlite(path, { timeout: BUSY_TIMEOUT });
    this.#files = filesAt(path);
    // FULL: a commit is on disk when it returns; better-sqlite3 is built with NORMAL for WAL, which is not.
    this.exec('PRAGMA page_size = 4096');
    this.exec('PRAGMA synchronous = FULL');
    this.exec('PRAGMA cache_size = -8000');
    this.exec('PRAGMA temp_store = MEMORY');
    this.exec('PRAGMA wal_autocheckpoint = 0');
    this.exec('PRAGMA journal_size_limit = 67108864');
    const lower = (text: unknown): unknown => (typeof text === 'string' ? text.toLowerCase() : text);
    this.#db.function(LOWER, { deterministic: true }, lower);
  }

  get inTransaction(): boolean {
    return this.#db.inTransaction;
  }

  /** Throws STORE_UNAVAILABLE where the path leads to other files by now, or to none: what is written here would go with this process. */
  checkFiles(): void {
    // The last to close a database removes its log.
    if (!this.#db.open) return;
    const before = this.#files;
    this.#files = filesAt(this.path, before);
    // A log comes with the first use, and stays as long as anybody has the database open.
    if (this.#files.every((file, i) => file === before[i] || (i > 0 && before[i] === undefined))) return;
    this.#files = before;
    const text =
      `The database ${this.path} cannot be used: its file, or the log beside it (-wal), was removed or replaced while it was open. ` +
      'Put it back, or stop every process that uses it and start them anew: what the file held is lost with the last of them.';
    throw new PosthasteError('STORE_UNAVAILABLE', text);
  }

  /** Without a promise around it; what is asynchronous about `query` is only its form. */
  run(sql: string, values: readonly Value[]): Result {
    const statement = this.#prepare(sql);
    if (statement.reader) return { rows: statement.all(...values), changed: 0 };
    return { rows: [], changed: statement.run(...values).changes };
  }

  async query(sql: string, values: readonly Value[]): Promise<Result> {
    return this.run(sql, values);
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** How long statements wait for others, ms; without an argument as at the beginning. */
  setPatience(ms: number = BUSY_TIMEOUT): void {
    this.exec(`PRAGMA busy_timeout = ${ms}`);
  }

  /** The only value that a pragma answers with. */
  pragma(text: string): Value {
    return this.#db.pragma(text, { simple: true }) as Value;
  }

  #prepare(sql: string): Sqlite.Statement<unknown[], Row> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
      statement = this.#db.prepare<unknown[], Row>(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }
}

/** Which files a database has at this path; where the system does not say, those from before. */
function filesAt(path: string, before: readonly (string | undefined)[] = []): readonly (string | undefined)[] {
  return [path, `${path}-wal`].map((name, i) => {
    try {
      const file = statSync(name, { throwIfNoEntry: false });
      return file && `${file.dev}:${file.ino}`;
    } catch {
      // What is open goes on in a folder that nobody may look into any more.
      return before[i];
    }
  });
}

/** The result code's name, `SQLITE_FULL`; undefined for errors that are not SQLite's. */
export function sqliteCode(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined;
}

export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error) ?? '');
}

const UNAVAILABLE = /^SQLITE_(FULL|IOERR|CANTOPEN|CORRUPT|NOTADB|READONLY|PERM|AUTH|NOMEM|PROTOCOL|BUSY|LOCKED)/;

/** The database as a whole cannot be used now; any other error is about one statement. */
export function isUnavailable(error: unknown): boolean {
  return UNAVAILABLE.test(sqliteCode(error) ?? '');
}

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/FULL|ENOSPC|SHMSIZE/, 'Free space on its disk; it goes on by itself then.'],
  [/BUSY|LOCKED/, 'Another process keeps it locked: end that one, or wait.'],
  [
    /EMFILE|ENFILE/,
    'This process has no file descriptors left: allow it more, with ulimit -n or with LimitNOFILE= in the unit of systemd.',
  ],
  [/ENOTDIR|EISDIR/, 'dataDir and all before it must be folders, and the database a file: one of them is the other.'],
  [/ENOENT/, 'Mount the volume that is to be there, or set another dataDir.'],
  [/EROFS/, 'Its file system is mounted read-only: mount it for writing, or set another dataDir.'],
  [/READONLY|CANTOPEN|PERM|EACCES/, 'The user who runs posthaste must be able to write the file and its directory.'],
  [/NOTADB/, 'The file is no SQLite database: name another, or move it away.'],
  [/CORRUPT/, 'Restore it from a backup, or save what can be read with the sqlite3 shell and its command .recover.'],
];

/** SQLite needs so many files at once: the database, its log, and the index of that. */
const FILES = 3;

/** SQLite does not say why it cannot open or write a file: the system does, when it is asked for the same. */
function systemFault(path: string): NodeJS.ErrnoException | null {
  const opened: number[] = [];
  try {
    while (opened.length < FILES) opened.push(openSync(path, 'r+'));
    accessSync(dirname(path), constants.W_OK);
    return null;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  } finally {
    for (const file of opened) closeSync(file);
  }
}

/** Of a thread that could not start only the text tells that files were lacking: `Worker initialization failure: EMFILE`. */
function errnoOf(cause: unknown): string {
  const { code = '', message = '' } = (cause ?? {}) as NodeJS.ErrnoException;
  return /too many open files|: EMFILE$/.test(message) ? 'EMFILE' : code;
}

export function unavailable(path: string, failure: unknown): PosthasteError {
  const unsaid = /CANTOPEN|READONLY/.test(sqliteCode(failure) ?? '');
  const cause = (unsaid ? systemFault(path) : null) ?? failure;
  const code = sqliteCode(cause) ?? errnoOf(cause);
  const advice = ADVICE.find(([pattern]) => pattern.test(code))?.[1];
  const what = cause instanceof Error ? cause.message : String(cause);
  const text = `The database ${path} cannot be used: ${what}${code === '' ? '' : ` (${code})`}.`;
  return new PosthasteError('STORE_UNAVAILABLE', advice === undefined ? text : `${text} ${advice}`, { cause });
}
