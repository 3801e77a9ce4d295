/** The plans of the hot statements: each begins in its index, so that it costs the same however many rows wait or have ended. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Claim, Store } from '../../src/queue/store.ts';
import type { Queries, Result, Value } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { SqlStore } from '../../src/store/sql-store.ts';
import { SqliteDatabase } from '../../src/store/sqlite-database.ts';
import { sqliteDialect } from '../../src/store/sqlite-dialect.ts';
import { claimAll, HOLDER, LEASE, put, request, sample, settleOne, T } from './conformance/samples.ts';

/** A database that notes the plan of every statement. */
class Planned extends SqliteDatabase {
  readonly plans = new Map<string, string>();

  override async query(sql: string, values: readonly Value[]): Promise<Result> {
    await this.#note(sql, values);
    return super.query(sql, values);
  }

  override transaction<T>(work: (tx: Queries, again: boolean) => Promise<T>): Promise<T> {
    return super.transaction((tx, again) => work(this.#noting(tx), again));
  }

  override snapshot<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    return super.snapshot((tx) => work(this.#noting(tx)));
  }

  #noting(tx: Queries): Queries {
    return {
      query: async (sql, values) => {
        await this.#note(sql, values);
        return tx.query(sql, values);
      },
    };
  }

  async #note(sql: string, values: readonly Value[]): Promise<void> {
    if (!/^(SELECT|UPDATE|DELETE|WITH)/.test(sql)) return;
    const { rows } = await super.query(`EXPLAIN QUERY PLAN ${sql}`, values);
    this.plans.set(sql, rows.map(({ detail }) => detail).join('; '));
  }
}

let folder: string;
let database: Planned;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthaste-plans-'));
  const path = join(folder, 'queue.db');
  const empty = new SqliteDatabase(path);
  await migrate(empty, sqliteDialect, path);
  await empty.close();
  database = new Planned(path);
  store = new SqlStore(database, sqliteDialect);
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** Walks a whole table or index, or sorts more than the recipients of one message. */
const COSTLY = /SCAN (d|m|o|deliveries|messages|contents|attempts)\b|TEMP B-TREE FOR ORDER BY/;

function costly(): string[] {
  return [...database.plans].filter(([, plan]) => COSTLY.test(plan)).map(([sql, plan]) => `${sql}\n  ${plan}`);
}

test('nothing on the way of a message walks a table', async () => {
  await store.insert(
    Array.from({ length: 9 }, () => sample({ to: ['a@x.org', 'b@x.org'] })),
    T,
  );
  await store.suppress([{ target: 'b@x.org', reason: 'asked', since: T, until: null, note: null }]);
  await store.insert([sample({ to: [{ relay: 'other', delayReportAt: T }] })], T);
  const [first, second] = (await claimAll(store)) as [Claim, Claim];
  await store.renew([first.token, second.token], T + LEASE);
  await settleOne(store, first, { state: 'queued' });
  await store.release([second.token], T);
  await store.claimExpired(request({ now: T + 1e9, until: T + 1e9 }));
  await store.reclaim(T + 2e9, [HOLDER], [0]);
  await store.nextDue('default');
  const late = await store.late(T + 100, 10);
  expect(late).toHaveLength(1);
  await store.reportDelays([{ deliveries: late[0]?.deliveries ?? [], report: sample() }], T);
  await store.dropContents(10);
  await store.get(first.message.id);
  await store.contentChunk(first.message.id, 1);
  expect(costly()).toEqual([]);
});

test('no list, move or purge by an indexed field walks a table', async () => {
  const id = await put(store);
  const filters = [
    { states: ['held' as const, 'sent' as const] },
    { recipient: 'a@x.org', states: ['queued' as const] },
    { sender: 'a@x.org', states: ['queued' as const] },
    { messageId: '<a@x>', states: ['queued' as const] },
    { ids: [id], states: ['queued' as const] },
    { reports: true as const, states: ['bounced' as const] },
  ];
  for (const filter of filters) {
    await store.find(filter, { limit: 10 });
    await store.find(filter, { limit: 10, cursor: `${id}:1` });
    await store.count(filter);
    await store.move(filter, 'queued', { now: T, expiresAt: T });
  }
  await store.changed(T, { limit: 10 });
  await store.find({ idFrom: id }, { limit: 10, order: 'oldest' });
  await store.find({ key: 'k' }, { limit: 10 });
  await store.purge({ changedBefore: T, states: ['sent'] }, 10);
  const sorted = /message_id_key|sender_key >=/;
  expect(costly().filter((text) => !sorted.test(text))).toEqual([]);
});
