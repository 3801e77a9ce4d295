/** A queue copied from engine to engine, as it is, and what is refused. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { copyBetween } from '../../src/app/copy.ts';
import { newNode } from '../../src/app/delivery.ts';
import type { Store } from '../../src/queue/store.ts';
import { type CopyReport, copyQueue } from '../../src/store/copy.ts';
import type { Database, Queries } from '../../src/store/database.ts';
import { openDatabase, openStore } from '../../src/store/open.ts';
import { fillMixed } from '../support/mixed-queue.ts';
import { isThere, MYSQL, POSTGRES, TestDatabase, type TestServer } from '../support/servers.ts';
import { put, sample, T } from './conformance/samples.ts';

let folder: string;
const file = (name: string): string => `sqlite:${join(folder, name)}`;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'posthaste-copy-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function copy(from: string, to: string, part: { readonly dryRun?: boolean } = {}): Promise<CopyReport> {
  return copyBetween({ from, to, dryRun: part.dryRun ?? false, onProgress: () => undefined });
}

async function using<R>(url: string, work: (store: Store) => Promise<R>): Promise<R> {
  const store = await openStore(url);
  return work(store).finally(() => store.close());
}

/** All that a store tells of some messages, with their contents. */
function tellAll(url: string, ids: readonly string[]): Promise<unknown[]> {
  return using(url, async (store) => {
    const told: unknown[] = [
      await store.relays(),
      await store.suppressions({ limit: 10 }),
      await store.audit({}, { limit: 10 }),
    ];
    for (const id of ids) {
      told.push(await store.get(id));
      for (let sequence = 0; ; sequence++) {
        const chunk = await store.contentChunk(id, sequence);
        if (chunk === null) break;
        told.push(Buffer.from(chunk).toString('base64'));
      }
    }
    return told;
  });
}

const [hasPostgres, hasMysql] = [await isThere(POSTGRES), await isThere(MYSQL)];

describe.skipIf(!hasPostgres || !hasMysql)('from engine to engine', () => {
  test('a queue is the same after SQLite, PostgreSQL, MariaDB or MySQL, and SQLite', async () => {
    const postgres = await TestDatabase.make(POSTGRES);
    const mysql = await TestDatabase.make(MYSQL);
    try {
      const ids = await using(file('first'), (store) => fillMixed(store, 500));
      const sizes = await copy(file('first'), postgres.url);
      expect(sizes).toMatchObject({ messages: ids.length, resumed: 0, repaired: 0, reclaimed: 7 });
      expect(Object.entries(sizes.states).filter(([, n]) => n === 0)).toEqual([]);
      const second = await copy(postgres.url, mysql.url);
      const third = await copy(mysql.url, file('last'));
      // What was being sent is queued from the first copy on.
      expect(third.digest).toBe(second.digest);
      const [first, last] = [await tellAll(postgres.url, ids), await tellAll(file('last'), ids)];
      expect(last).toEqual(first);
      expect(await tellAll(mysql.url, ids)).toEqual(first);
    } finally {
      await postgres.drop();
      await mysql.drop();
    }
  });
});

test('keys go along: in the copy too each stands for its message', async () => {
  const id = await using(file('from'), (store) => put(store, { key: 'order-17' }));
  await copy(file('from'), file('to'));
  const again = await using(file('to'), (store) => store.insert([sample({ key: 'order-17' })], T));
  expect(again).toMatchObject([{ id, duplicate: true }]);
});

test('what a killed process was sending is queued, its attempt counted and logged as crashed', async () => {
  const id = await using(file('from'), async (store) => {
    const made = await put(store);
    await store.claim({ relay: 'default', limit: 1, now: T, until: Date.now() + 60_000, holder: made });
    return made;
  });
  await copy(file('from'), file('to'));
  const found = await using(file('to'), (store) => store.get(id));
  expect(found?.deliveries).toMatchObject([{ state: 'queued', attempts: 1, lastAttemptAt: T }]);
  expect(found?.attempts).toMatchObject([{ outcome: 'crashed', startedAt: T }]);
  expect(await using(file('from'), (store) => store.get(id))).toMatchObject({ deliveries: [{ state: 'sending' }] });
});

test('contents that were dropped stay dropped', async () => {
  const id = await using(file('from'), async (store) => {
    const made = await put(store, { keepContent: false });
    await store.move({ ids: [made] }, 'cancelled', { now: T, expiresAt: T });
    await store.dropContents(10);
    return made;
  });
  await copy(file('from'), file('to'));
  expect(await using(file('to'), (store) => store.get(id))).toMatchObject({ contentKept: false });
});

describe('refused with what to do is', () => {
  test('a target in use', async () => {
    await using(file('from'), (store) => put(store));
    await using(file('to'), (store) => put(store));
    await expect(copy(file('from'), file('to'))).rejects.toMatchObject({
      code: 'COPY_REFUSED',
      message: expect.stringMatching(/is in use: posthaste_messages has rows.*empty database/),
    });
  });

  test('the source as its own target', async () => {
    await using(file('from'), (store) => put(store));
    await expect(copy(file('from'), join(folder, 'from'))).rejects.toThrow(/cannot be copied onto itself/);
  });

  test('a source that is not there, which is not made', async () => {
    await expect(copy(file('from'), file('to'))).rejects.toThrow(/There is no queue at .*from\./);
    await expect(copy(file('from'), file('to'), { dryRun: true })).rejects.toThrow(/There is no queue/);
  });

  test.each(['from', 'to'])('somebody who works on %s, until they are gone', async (name) => {
    const node = { ...newNode('serve'), place: 'elsewhere', host: 'mail2', pid: 7 };
    await using(file('from'), (store) => put(store));
    await using(file(name), (store) => store.heartbeat(node));
    await expect(copy(file('from'), file('to'))).rejects.toMatchObject({
      code: 'COPY_REFUSED',
      message: expect.stringMatching(/Somebody works on .*: serve on mail2, process 7\. Stop all of them/),
    });
    await using(file(name), (store) => store.forgetNode(node.id));
    expect(await copy(file('from'), file('to'))).toMatchObject({ messages: 1 });
  });

  test('a process of this machine that lives, and not one that is gone', async () => {
    const node = newNode('work');
    await using(file('from'), (store) => put(store));
    await using(file('from'), (store) => store.heartbeat({ ...node, pid: process.ppid }));
    await expect(copy(file('from'), file('to'))).rejects.toThrow(/Somebody works on/);
    await using(file('from'), async (store) => {
      await store.forgetNode(node.id);
      await store.heartbeat({ ...node, pid: 2 ** 22 + 1 });
    });
    expect(await copy(file('from'), file('to'))).toMatchObject({ messages: 1 });
  });
});

test('a dry run tells what it would be, and makes nothing', async () => {
  await using(file('from'), (store) => put(store));
  expect(await copy(file('from'), file('to'), { dryRun: true })).toMatchObject({ messages: 1, digest: null });
  expect(await copy(file('from'), file('to'))).toMatchObject({ messages: 1, resumed: 0 });
});

/** A copy that ends after its first progress, as one that was killed. */
async function breakOff(from: string, to: string): Promise<void> {
  const onProgress = (): never => {
    throw new Error('broken off');
  };
  await expect(copyBetween({ from, to, dryRun: false, onProgress })).rejects.toThrow('broken off');
}

describe('a copy that was broken off', () => {
  test('is opened by nothing but the same copy, which goes on where it was', async () => {
    await using(file('from'), (store) => fillMixed(store, 500));
    await using(file('other'), (store) => put(store));
    await breakOff(file('from'), file('to'));
    await expect(openStore(file('to'))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/is an unfinished copy of another one: run the same posthaste copy again/),
    });
    await expect(copy(file('other'), file('to'))).rejects.toThrow(/unfinished copy of another queue/);
    const report = await copy(file('from'), file('to'));
    expect(report).toMatchObject({ resumed: 200, repaired: 0, messages: 502 });
    expect(report.digest).toBe((await copy(file('from'), file('again'))).digest);
  });

  test('takes over what has changed, come and gone in the source since', async () => {
    const ids = await using(file('from'), (store) => fillMixed(store, 500, { large: 0 }));
    await breakOff(file('from'), file('to'));
    await using(file('from'), async (store) => {
      const ended = { ids: [ids[10] as string, ids[13] as string] };
      await store.move({ ids: [...ended.ids, ids[20] as string] }, 'cancelled', { now: T + 9, expiresAt: T });
      await store.purge({ ids: [ids[0] as string], changedBefore: T + 1_000 }, 10);
      await store.insert([sample(), sample()], T);
    });
    const report = await copy(file('from'), file('to'));
    expect(report.repaired).toBeGreaterThan(0);
    expect(report.digest).toBe((await copy(file('from'), file('again'))).digest);
  });

  test('again and again, at each of its steps, comes to the same end, and nothing else works on it before', async () => {
    await using(file('from'), (store) => fillMixed(store, 210, { large: 1, chunks: 8 }));
    await copyUntil(Number.POSITIVE_INFINITY, file('from'), file('whole'));
    const count = await using(file('whole'), (store) => store.count({}));
    let steps = 0;
    for (let found: unknown; found !== count; steps++) {
      await copyUntil(steps, file('from'), file('to'));
      found = await using(file('to'), (store) => store.count({})).catch(({ code }) => code);
      // Empty before it began.
      expect([0, 'STORE_UNAVAILABLE', count]).toContain(found);
    }
    expect(steps).toBeGreaterThan(40);
    const [copied, whole] = [await copy(file('to'), file('of-to')), await copy(file('whole'), file('of-whole'))];
    expect(copied).toEqual(whole);
  });
});

describe('a copy that ends at any of its steps leaves no tables, or a target that nothing else opens', () => {
  beforeEach(() => using(file('from'), (store) => put(store)));

  test('SQLite', () => endAtSteps(file('to'), 1));
  test.skipIf(!hasPostgres)('PostgreSQL', () => onServer(POSTGRES));
  test.skipIf(!hasMysql)('MariaDB or MySQL', () => onServer(MYSQL));
});

async function onServer(server: TestServer): Promise<void> {
  const database = await TestDatabase.make(server);
  await endAtSteps(database.url, 13).finally(() => database.drop());
}

async function endAtSteps(url: string, stride: number): Promise<void> {
  for (let step = 0; await copyUntil(step, file('from'), url); step += stride)
    if (await hasVersion(url)) await expect(openStore(url)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(await using(url, (store) => store.count({}))).toBe(1);
}

/** A queue begins with its first version; without any, an empty database was opened and left. */
async function hasVersion(url: string): Promise<boolean> {
  const { database, dialect, close } = await openDatabase(url);
  const versions = database.query('SELECT version FROM posthaste_schema', []);
  const found = await versions.catch((error: unknown) => {
    if (dialect.isMissingTable(error)) return { rows: [] };
    throw error;
  });
  await close();
  return found.rows.length > 0;
}

/** A copy that ends at that statement or commit in its target, as when it is killed there, if it does not come to its end before: then it answers false. */
async function copyUntil(step: number, from: string, to: string): Promise<boolean> {
  const [source, target] = [await openDatabase(from), await openDatabase(to)];
  const { database, ended } = endingAt(step, target.database);
  const options = { now: T + 1_000, mustBeQuiet: async () => undefined, onProgress: () => undefined };
  await copyQueue(source, { ...target, database }, options).catch((error: unknown) => {
    if (!ended()) throw error;
  });
  await source.close();
  await target.close();
  return ended();
}

function endingAt(step: number, database: Database): { readonly database: Database; readonly ended: () => boolean } {
  let steps = 0;
  const next = (): void => {
    if (steps++ >= step) throw new Error('broken off');
  };
  const counted = (queries: Queries): Queries => ({
    query(sql, values) {
      next();
      return queries.query(sql, values);
    },
  });
  const ending: Database = {
    ...counted(database),
    async transaction(work, options) {
      const result = await database.transaction((tx, again) => work(counted(tx), again), options);
      // Committed, and the answer never came.
      next();
      return result;
    },
    snapshot: (work) => database.snapshot((tx) => work(counted(tx))),
    alone: (work) => database.alone((tx) => work(counted(tx))),
    changeMark: () => database.changeMark(),
    close: () => database.close(),
  };
  return { database: ending, ended: () => steps > step };
}
