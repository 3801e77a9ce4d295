/** What only a store in a file can do: modes, locks, a full disk, a broken thread, its log. */
import diagnostics from 'node:diagnostics_channel';
import { chmodSync, existsSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore, sqlitePath } from '../../src/store/open.ts';
import { claimAll, put, sample, settleOne, stateOf, T } from './conformance/samples.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthaste-store-'));
  file = join(folder, 'queue.db');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('openStore', () => {
  test('makes a directory and a file for their owner alone', async () => {
    const store = await openStore(`sqlite:${join(folder, 'a', 'b', 'queue.db')}`);
    await put(store);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'a', 'b')).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(join(folder, 'a', 'b'))) {
      expect([name, statSync(join(folder, 'a', 'b', name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    await store.close();
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['queue.db']);
  });

  test('takes sqlite: and plain paths, and says what else is not known', () => {
    expect(sqlitePath('sqlite:/var/lib/q.db')).toBe('/var/lib/q.db');
    expect(sqlitePath('sqlite:///var/lib/q.db')).toBe('/var/lib/q.db');
    expect(sqlitePath('file:///var/lib/a%20b.db')).toBe('/var/lib/a b.db');
    expect(sqlitePath('/var/lib/q.db')).toBe('/var/lib/q.db');
    for (const url of [':memory:', 'sqlite::memory:', 'sqlite:', '', 'postgres://localhost/q', 'redis:x']) {
      expect(() => sqlitePath(url)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    }
    expect(() => sqlitePath(':memory:')).toThrow(/in memory is lost/);
    expect(() => sqlitePath('mysql://x')).toThrow(/mysql: .*sqlite:PATH/);
  });

  test('by many at the same time makes the tables once', async () => {
    const stores = await Promise.all(Array.from({ length: 6 }, () => openStore(file)));
    await Promise.all(stores.map((store) => put(store)));
    expect(await stores[0]?.count({})).toBe(6);
    await Promise.all(stores.map((store) => store.close()));
    expect(readdirSync(folder)).toEqual(['queue.db']);
  });

  test('of a database that is newer fails and says what to do', async () => {
    await (await openStore(file)).close();
    const db = new Sqlite(file);
    db.exec('INSERT INTO posthaste_schema (version) VALUES (999)');
    db.close();
    await expect(openStore(file)).rejects.toMatchObject({
      code: 'STORE_NEWER',
      message: expect.stringMatching(/queue\.db has schema version 999.*install that version/s),
    });
  });

  test('of what is no database, or cannot be made, fails with the file and the cause', async () => {
    writeFileSync(file, 'this is a text, and a long one, because a header has a hundred octets. '.repeat(9));
    await expect(openStore(file)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/queue\.db cannot be used: .*NOTADB.*name another/),
    });
    await expect(openStore(join(file, 'below.db'))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/below\.db cannot be used: .*ENOTDIR.*must be folders/),
    });
    chmodSync(file, 0o600);
  });

  test.skipIf(!existsSync('/proc/self'))(
    'in a folder that cannot be made fails with that folder, at once',
    async () => {
      await expect(openStore('sqlite:/proc/posthaste/queue.db')).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(/: the folder \/proc\/posthaste cannot be made: .*set another dataDir/),
      });
    },
  );
});

describe('an open store', () => {
  test('refuses calls after close, which may come twice', async () => {
    const store = await openStore(file);
    const inserted = store.insert([sample()], T);
    await Promise.all([store.close(), store.close()]);
    expect(await inserted).toHaveLength(1);
    await expect(store.counts(T)).rejects.toMatchObject({ code: 'STOPPED' });
    await store.close();
  });

  test('carries out what rides when it is closed', async () => {
    const store = await openStore(file);
    const id = await put(store);
    const [claim] = await claimAll(store);
    if (claim === undefined) throw new Error('nothing claimed');
    const settled = settleOne(store, claim);
    await store.close();
    expect(await settled).toBe(true);
    const again = await openStore(file);
    expect(await stateOf(again, id)).toBe('sent');
    await again.close();
  });

  test('waits for another process that has it locked, and reads meanwhile', async () => {
    const store = await openStore(file);
    const id = await put(store);
    const other = new Sqlite(file);
    other.exec('BEGIN IMMEDIATE');
    const inserted = store.insert([sample()], T);
    expect(await stateOf(store, id)).toBe('queued');
    expect(await store.count({})).toBe(1);
    other.exec('COMMIT');
    expect(await inserted).toHaveLength(1);
    other.close();
    await store.close();
  });

  test.each(['', '-wal'])(
    'whose file%s is removed while it is open takes nothing, says so, and goes on when it is put back',
    async (end) => {
      const store = await openStore(file);
      await put(store);
      renameSync(`${file}${end}`, `${file}.away`);
      const failure = { code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/queue\.db .*removed or replaced/) };
      await expect(put(store)).rejects.toMatchObject(failure);
      writeFileSync(`${file}${end}`, '');
      await expect(put(store)).rejects.toMatchObject(failure);
      renameSync(`${file}.away`, `${file}${end}`);
      await put(store);
      expect(await store.count({})).toBe(2);
      await store.close();
    },
  );

  test('whose thread breaks down fails what is under way, and goes on with a new one', async () => {
    const workers: Worker[] = [];
    const hear = (message: unknown): void => {
      workers.push((message as { readonly worker: Worker }).worker);
    };
    diagnostics.subscribe('worker_threads', hear);
    const store = await openStore(file);
    diagnostics.unsubscribe('worker_threads', hear);
    const id = await put(store);
    // While another process has it locked, nothing comes to its end.
    const other = new Sqlite(file);
    other.exec('BEGIN IMMEDIATE');
    const lost = store.insert([sample()], T);
    await Promise.all(workers.map((worker) => worker.terminate()));
    await expect(lost).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining(file) });
    other.close();
    expect(await stateOf(store, id)).toBe('queued');
    await put(store);
    await store.close();
  });

  test('copies its log into the database beside the commits', async () => {
    const store = await openStore(file);
    const messages = () => Array.from({ length: 20 }, () => sample({ content: Buffer.alloc(100_000) }));
    let inserted = 0;
    while (statSync(file).size < 20e6) {
      await store.insert(messages(), T);
      inserted += 2e6;
      expect(inserted).toBeLessThan(500e6);
    }
    expect(statSync(`${file}-wal`).size).toBeLessThan(160e6);
    await store.close();
    expect(existsSync(`${file}-wal`)).toBe(false);
  });
});
