/** Group commit: who shares a commit with whom, who waits, and what a full disk does. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Commit, Queries } from '../../src/store/database.ts';
import { SqliteDatabase } from '../../src/store/sqlite-database.ts';

let folder: string;
let database: SqliteDatabase;
let commits: number;

const write = (value: number | null, commit: Commit = 'synced', weight = 1): Promise<number> =>
  database.transaction(async (tx) => (await tx.query('INSERT INTO t (v) VALUES (?)', [value])).changed, {
    commit,
    weight,
  });

async function values(queries: Queries = database): Promise<unknown[]> {
  return (await queries.query('SELECT v FROM t ORDER BY v', [])).rows.map(({ v }) => v);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthaste-database-'));
  database = new SqliteDatabase(join(folder, 'test.db'), () => {
    commits++;
  });
  await database.transaction((tx) => tx.query('CREATE TABLE t (v INTEGER NOT NULL UNIQUE)', []));
  commits = 0;
});

afterEach(async () => {
  vi.restoreAllMocks();
  await database.close();
  await rm(folder, { recursive: true });
});

describe('transactions', () => {
  test('that wait together share one commit', async () => {
    await Promise.all([write(1), write(2), write(3, 'unsynced')]);
    expect([commits, await values()]).toEqual([1, [1, 2, 3]]);
  });

  test('that fail leave the others of their commit whole', async () => {
    const results = await Promise.allSettled([write(1), write(null), write(1), write(2)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect([commits, await values()]).toEqual([1, [1, 2]]);
  });

  test('that fail alone write nothing', async () => {
    const half = database.transaction(async (tx) => {
      await tx.query('INSERT INTO t (v) VALUES (1)', []);
      throw new Error('changed my mind');
    });
    await expect(half).rejects.toThrow('changed my mind');
    expect(await values()).toEqual([]);
  });

  test('that ride let those pass that somebody waits for, and go with the next when they have waited long enough', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    const riding = write(1, 'riding');
    await write(2);
    await write(3);
    expect([commits, await values()]).toEqual([2, [2, 3]]);
    clock.mockReturnValue(1_000);
    await Promise.all([riding, write(4)]);
    expect([commits, await values()]).toEqual([3, [1, 2, 3, 4]]);
  });

  test('that ride go alone when nothing else comes, and at once when they are many', async () => {
    await write(1, 'riding');
    await Promise.all(Array.from({ length: 10 }, (_, i) => write(i + 2, 'riding', 10)));
    expect([commits, await values()]).toEqual([2, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]);
  });

  test.each<[Commit, number]>([
    ['synced', 2],
    ['riding', 2],
    ['unsynced', 1],
    ['synced', 2],
  ])('that are %s are committed with synchronous = %d', async (commit, synchronous) => {
    await write(1, 'unsynced');
    const pragma = async (tx: Queries) => (await tx.query('PRAGMA synchronous', [])).rows[0]?.synchronous;
    expect(await database.transaction(pragma, { commit })).toBe(synchronous);
  });

  test('that need no sync do not take riding ones along', async () => {
    const riding = write(1, 'riding');
    await write(2, 'unsynced');
    expect(await values()).toEqual([2]);
    await riding;
    expect(await values()).toEqual([1, 2]);
  });

  test('are not seen by reads before they are committed', async () => {
    await database.transaction(async (tx) => {
      await tx.query('INSERT INTO t (v) VALUES (1)', []);
      expect([await values(tx), await values()]).toEqual([[1], []]);
    });
    expect(await values()).toEqual([1]);
  });

  test('that wait when the database is closed are carried out', async () => {
    const riding = write(1, 'riding');
    const hasty = write(2);
    await database.close();
    expect(await Promise.all([riding, hasty])).toEqual([1, 1]);
    database = new SqliteDatabase(join(folder, 'test.db'));
    expect(await values()).toEqual([1, 2]);
  });
});

describe('a full disk', () => {
  const limit = (pages: number) => database.transaction((tx) => tx.query(`PRAGMA max_page_count = ${pages}`, []));
  const fat = (): Promise<unknown> =>
    database.transaction((tx) => tx.query('INSERT INTO fat VALUES (zeroblob(100000))', []));

  test('fails every call of the commit with the file and the cause, keeps nothing half, and goes on when there is room', async () => {
    await database.transaction((tx) => tx.query('CREATE TABLE fat (b BLOB)', []));
    await limit(10);
    const results = await Promise.allSettled([write(1), fat(), write(2)]);
    for (const result of results) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/test\.db .*full.*Free space/) },
      });
    }
    expect(await values()).toEqual([]);
    await limit(1_000_000);
    await Promise.all([write(1), fat(), write(2)]);
    expect(await values()).toEqual([1, 2]);
  });
});
