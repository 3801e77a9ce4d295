/** The plans of PostgreSQL for a queue that has just filled, of which it has no statistics yet: a claim reads what it takes. */
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { pagesTouched } from '../../bench/counters.ts';
import { fill, finishedKind, type Kind, waitingKind } from '../../bench/fill.ts';
import { setAutovacuum } from '../../bench/fill-postgres.ts';
import { WEBHOOK_EVENTS } from '../../src/queue/webhook.ts';
import { openStore } from '../../src/store/open.ts';
import { isThere, POSTGRES, TestDatabase } from '../support/servers.ts';
import { claimAll, sample, settlement, T } from './conformance/samples.ts';

const WAITING = 20_000;

describe.skipIf(!(await isThere(POSTGRES)))('PostgreSQL', () => {
  test('reads no more of what waits than a claim takes, also in sessions that are older than the queue is long', async () => {
    const database = await TestDatabase.make(POSTGRES);
    const url = `${database.url}?connections=2`;
    const store = await openStore(url);
    const round = async (): Promise<void> => {
      const claims = await claimAll(store, { limit: 5 });
      await store.settle(
        claims.map((claim) => ({ settlements: [settlement(claim)], reports: [] })),
        T,
      );
      await store.nextDue('default');
    };
    const fill = (count: number): Promise<unknown> =>
      store.insert(
        Array.from({ length: count }, () => sample()),
        T,
      );
    // After some runs PostgreSQL would keep a plan for any values, made for so short a queue.
    await fill(100);
    for (let n = 0; n < 12; n++) await round();
    for (let n = 0; n < WAITING; n += 1_000) await fill(1_000);
    const before = await readIn(database.url);
    for (let n = 0; n < 10; n++) await round();
    await store.close();
    expect((await readIn(database.url)) - before).toBeLessThan(WAITING);
    await database.drop();
  });
});

/** Each index on the way may be a level deeper, and a page of it may be on its way to be split. */
const DEEPER = 12;

describe.skipIf(!(await isThere(POSTGRES)))('PostgreSQL', () => {
  test('touches no more pages for a message of a long queue beside much that was finished than indexes are deeper', async () => {
    const { database, finished, waiting } = await databaseToFill();
    await fill(database.url, waiting, 0, 1_000);
    const short = await pagesTouched(database.url, 10, 50);
    await fill(database.url, finished, 0, WAITING);
    await fill(database.url, waiting, 1_000, WAITING);
    const long = await pagesTouched(database.url, 10, 50);
    await database.drop();
    expect(long.claim - short.claim).toBeLessThan(DEEPER);
    expect(long.settle - short.settle).toBeLessThan(DEEPER);
  });

  test('reads no more of what waits than a claim takes, with statistics from when nothing waited', async () => {
    const { database, finished, waiting } = await databaseToFill();
    const client = new pg.Client(database.url);
    await client.connect();
    await setAutovacuum(client, false);
    await fill(database.url, finished, 0, WAITING);
    await client.query('VACUUM ANALYZE');
    await fill(database.url, waiting, 0, WAITING / 2);
    await client.end();
    const before = await readIn(database.url);
    await pagesTouched(database.url, 10, 50);
    expect((await readIn(database.url)) - before).toBeLessThan(WAITING / 2);
    await database.drop();
  });

  test('reads no more of what waits for a webhook than is due next, while it knows nothing of the table', async () => {
    const database = await TestDatabase.make(POSTGRES);
    const filling = await openStore(database.url);
    await filling.registerWebhooks([{ name: 'shop', events: WEBHOOK_EVENTS }], T);
    for (let n = 0; n < WAITING; n += 1_000)
      await filling.insert(
        Array.from({ length: 1_000 }, () => sample()),
        T,
      );
    // What these sessions read is told when they end.
    await filling.close();
    await untilAlone(database.url);
    const store = await openStore(`${database.url}?connections=2`);
    const before = await readIn(database.url, 'posthaste_webhook_events');
    for (let n = 0; n < 10; n++) expect(await store.dueWebhookEvents('shop', T, 5)).toHaveLength(5);
    await store.close();
    expect((await readIn(database.url, 'posthaste_webhook_events')) - before).toBeLessThan(WAITING);
    await database.drop();
  });

  test('is told to vacuum the tables that change all the time long before a fifth of them is dead', async () => {
    const database = await TestDatabase.make(POSTGRES);
    await (await openStore(database.url)).close();
    const client = new pg.Client(database.url);
    await client.connect();
    const sql =
      "SELECT relname, reloptions FROM pg_class WHERE relname IN ('posthaste_deliveries', 'posthaste_attempts') ORDER BY 1";
    const { rows } = await client.query(sql);
    await client.end();
    await database.drop();
    const reloptions = [
      'autovacuum_vacuum_scale_factor=0.02',
      'autovacuum_vacuum_insert_scale_factor=0.1',
      'autovacuum_analyze_scale_factor=0.02',
    ];
    expect(rows).toEqual([
      { relname: 'posthaste_attempts', reloptions },
      { relname: 'posthaste_deliveries', reloptions },
    ]);
  });
});

/** Of an hour ago and more, so that all that waits is due. */
async function databaseToFill(): Promise<{ database: TestDatabase; finished: Kind; waiting: Kind }> {
  const database = await TestDatabase.make(POSTGRES);
  const store = await openStore(database.url);
  const content = Buffer.alloc(200, 'x');
  const hour = 3_600_000;
  const finished = await finishedKind(store, content, Date.now() - 2 * hour);
  const waiting = await waitingKind(store, content, Date.now() - hour);
  await store.close();
  return { database, finished, waiting };
}

/** Sessions that were closed end a moment later. */
async function untilAlone(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  const sql =
    "SELECT COUNT(*) AS others FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
  while (Number((await client.query(sql)).rows[0].others) > 0);
  await client.end();
}

/** Rows and entries of indexes that were read in a table so far; sessions tell when they end, or a second later. */
async function readIn(url: string, table = 'posthaste_deliveries'): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  const sql = `SELECT (SELECT SUM(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = '${table}') +
    (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = '${table}') AS read`;
  const { rows } = await client.query(sql);
  await client.end();
  return Number(rows[0].read);
}
