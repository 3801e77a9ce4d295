/** A SQLite file of which one page is overwritten, as a bad disk or a copy over it does. */
import { closeSync, openSync, writeSync } from 'node:fs';
import Sqlite from 'better-sqlite3';

/** The first page of a table; nobody may have the file open. */
export function damage(file: string, table: string): void {
  const db = new Sqlite(file);
  const size = db.pragma('page_size', { simple: true }) as number;
  const page = db.prepare('SELECT rootpage FROM sqlite_master WHERE name = ?').pluck().get(table) as number;
  db.close();
  const written = openSync(file, 'r+');
  writeSync(written, Buffer.alloc(size, 0xa5), 0, size, (page - 1) * size);
  closeSync(written);
}
