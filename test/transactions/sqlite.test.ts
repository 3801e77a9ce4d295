/** Mail in transactions of the two drivers for SQLite, and of a library that posthaste does not know. */
import { DatabaseSync } from 'node:sqlite';
import Sqlite from 'better-sqlite3';
import type { TransactionAdapter } from '../../src/index.ts';
import { type Application, transactionFacts } from './conformance.ts';
import { sqliteGround } from './grounds.ts';

/** What the two drivers have in common. */
interface Driver {
  exec(sql: string): unknown;
  prepare(sql: string): { run(text: string): unknown };
  close(): unknown;
}

function application<D extends Driver>(db: D, notes: () => string[], handle: object = db): Application {
  return {
    async transaction(work) {
      db.exec('BEGIN IMMEDIATE');
      try {
        const note = (text: string): void => void db.prepare('INSERT INTO notes (text) VALUES (?)').run(text);
        const result = await work({ handle, note });
        db.exec('COMMIT');
        return result;
      } catch (error) {
        db.exec('ROLLBACK');
        throw error;
      }
    },
    notes: async () => notes(),
    idle: () => [handle],
    close: () => void db.close(),
  };
}

const SELECT = 'SELECT text FROM notes';
const textOf = (row: unknown): string => (row as { text: string }).text;

transactionFacts({
  name: 'better-sqlite3',
  ground: sqliteGround,
  open: (path) => {
    const db = new Sqlite(path);
    return application(db, () => db.prepare(SELECT).all().map(textOf));
  },
});

transactionFacts({
  name: 'better-sqlite3 with numbers as BigInt',
  ground: sqliteGround,
  open: (path) => {
    const db = new Sqlite(path).defaultSafeIntegers(true);
    return application(db, () => db.prepare(SELECT).all().map(textOf));
  },
});

transactionFacts({
  name: 'node:sqlite',
  ground: sqliteGround,
  open: (path) => {
    const db = new DatabaseSync(path, { timeout: 5_000 });
    return application(db, () => db.prepare(SELECT).all().map(textOf));
  },
});

transactionFacts({
  name: 'node:sqlite with rows as arrays and numbers as BigInt',
  ground: sqliteGround,
  open: (path) => {
    const db = new DatabaseSync(path, { timeout: 5_000, returnArrays: true, readBigInts: true });
    return application(db, () => (db.prepare(SELECT).all() as unknown as [string][]).map(([text]) => text));
  },
});

transactionFacts({
  name: 'another library, by an adapter',
  ground: sqliteGround,
  open: (path) => {
    const db = new Sqlite(path);
    const adapter: TransactionAdapter = {
      async query(sql, values) {
        const statement = db.prepare(sql);
        if (statement.reader) return { rows: statement.all(...values) as object[], changed: 0 };
        return { rows: [], changed: statement.run(...values).changes };
      },
    };
    return application(db, () => db.prepare(SELECT).all().map(textOf), adapter);
  },
});
