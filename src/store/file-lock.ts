/** A lock on a file that ends with its process: the operating system's own, by way of SQLite, so that no killed process leaves one behind. */
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { PosthasteError } from '../errors.ts';
import { makeFolders } from '../runtime/folders.ts';

export interface FileLock {
  release(): void;
}

/** Between two tries, ms. */
const RETRY = 100;

/**
 * null: somebody else has it, and had it for `wait` ms (null: for ever). The file is made where it is missing, stays empty and is
 * never removed: what counts is not that it is there. Throws CONFIG_INVALID where it cannot be made or is no file of ours.
 */
export async function takeLock(path: string, wait: number | null): Promise<FileLock | null> {
  const until = wait === null ? Number.POSITIVE_INFINITY : performance.now() + wait;
  const file = open(path);
  for (;;) {
    if (tryLock(file, path)) return { release: () => file.close() };
    const left = until - performance.now();
    if (left <= 0) break;
    await new Promise<void>((resolve) => setTimeout(resolve, Math.min(RETRY, left)));
  }
  file.close();
  return null;
}

function open(path: string): Sqlite.Database {
  try {
    makeFolders(dirname(path));
    return new Sqlite(path, { timeout: 0 });
  } catch (error) {
    throw useless(path, error);
  }
}

/** Nothing is written: the lock is all that the transaction is for. */
function tryLock(file: Sqlite.Database, path: string): boolean {
  try {
    file.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')) return false;
    file.close();
    throw useless(path, error);
  }
}

function useless(path: string, error: unknown): PosthasteError {
  const why = error instanceof Error ? error.message : String(error);
  return new PosthasteError('CONFIG_INVALID', `lockPath is ${JSON.stringify(path)}, which cannot be locked: ${why}`);
}
