/** PostgreSQL behind pgbouncer, which gives each transaction another session: all that a store must do, and how workers hear of news. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase, openStore } from '../../src/store/open.ts';
import { startRelay } from '../relay/scripted.ts';
import { Recorder } from '../support/delivery.ts';
import { submitOne } from '../support/load.ts';
import { hasPgbouncer, Pgbouncer } from '../support/pgbouncer.ts';
import { serve, temporaryFolder, work } from '../support/posthaste.ts';
import { isThere, POSTGRES, TestDatabase } from '../support/servers.ts';
import { put } from './conformance/samples.ts';
import { type Place, storeConformance } from './conformance.ts';

const SAYS = 'Between here and PostgreSQL stands a pool of sessions';

describe.skipIf(!hasPgbouncer || !(await isThere(POSTGRES)))('behind pgbouncer', () => {
  const { host } = new URL(POSTGRES.url);
  let database: TestDatabase;
  let pool: Pgbouncer;
  let url: string;

  beforeAll(async () => {
    database = await TestDatabase.make(POSTGRES);
    pool = await Pgbouncer.before(POSTGRES.url);
    url = pool.through(database.url);
  });
  afterAll(async () => {
    await pool.close();
    await database.drop();
  });

  test('the start says that workers are not woken, and how they would be', async () => {
    const log = new Recorder();
    const store = await openStore(url, { log });
    expect(log.count(`${SAYS}, such as pgbouncer: statements are not kept prepared. Workers are not woken`)).toBe(1);
    expect(store.onNews).toBeUndefined();
    await store.close();
  });

  test('a pool that lets settings pass is found out all the same', async () => {
    const lenient = await Pgbouncer.before(POSTGRES.url, { ignore_startup_parameters: 'options' });
    const log = new Recorder();
    const stores = await Promise.all([1, 2, 3, 4, 5].map(() => openStore(lenient.through(database.url), { log })));
    expect(log.count(SAYS)).toBe(5);
    await Promise.all(stores.flatMap((store) => Array.from({ length: 20 }, () => put(store))));
    expect(await stores[0]?.count({})).toBe(100);
    await Promise.all(stores.map((store) => store.close()));
    await lenient.close();
    await database.clear();
  });

  test('a pool of whole sessions keeps statements prepared, and wakes workers, when it is said to be one', async () => {
    const whole = await Pgbouncer.before(POSTGRES.url, { pool_mode: 'session', default_pool_size: '20' });
    const log = new Recorder();
    const through = `${whole.through(database.url)}?prepare=true`;
    const [store, sessions] = [await openStore(through, { log }), await openDatabase(through)];
    expect(log.events).toEqual([]);
    expect(store.onNews).toBeDefined();
    const sql = "SELECT current_setting('plan_cache_mode') AS plans, COUNT(*) AS prepared FROM pg_prepared_statements";
    await sessions.database.query(sql, []);
    expect((await sessions.database.query(sql, [])).rows).toEqual([{ plans: 'force_custom_plan', prepared: 1 }]);
    await Promise.all([store.close(), sessions.close()]);
    await whole.close();
  });

  test('with listen= workers are woken by the server itself, by those who reach it through the pool only too', async () => {
    const log = new Recorder();
    const [one, other] = [await openStore(url), await openStore(`${url}?listen=${host}`, { log })];
    expect(log.events).toEqual([]);
    const wakes: (() => void)[] = [];
    const woken = (): Promise<void> => new Promise((resolve) => void wakes.push(resolve));
    const first = woken();
    other.onNews?.(() => wakes.shift()?.());
    // It listens from here on.
    await first;
    const again = woken();
    await put(one);
    await again;
    await Promise.all([one.close(), other.close()]);
    await database.clear();
  });

  test.each([
    ['another pool', () => new URL(url).host, /^Behind listen=.* stands a pool too\. Workers are not woken/],
    ['nowhere', () => '127.0.0.1:1', /^The server of listen=127\.0\.0\.1:1 cannot be reached .*ECONNREFUSED/],
  ])('listen= that leads to %s is told at the start', async (_, place, sentence) => {
    const log = new Recorder();
    await (await openStore(`${url}?listen=${place()}`, { log })).close();
    expect(log.events.map(({ event }) => event)).toEqual([expect.stringMatching(sentence)]);
  });

  test('a listener and a worker in two processes pass mail on', async () => {
    using folder = temporaryFolder();
    await using relay = await startRelay();
    const common = { dataDir: folder.path, relay: relay.url };
    const listener = serve({ ...common, flags: ['--database', url, '--deliver', 'no'] });
    const worker = work({ ...common, flags: ['--database', url] });
    const { port } = await listener.ready();
    await worker.line(({ msg }) => msg === 'ready');
    for (const subject of ['one', 'two'])
      expect(await submitOne(port, ['b@example.com'], `Subject: ${subject}\r\n\r\nbody\r\n`)).toMatch(/^250/);
    await relay.until(() => relay.received.length === 2);
    await worker.atLeast(2, ({ msg }) => msg === 'sent');
    expect(await Promise.all([listener.stop(), worker.stop()])).toEqual([0, 0]);
  });

  // Last: its many statements leave no room for prepared ones.
  const newPlace = async (): Promise<Place> => ({
    open: () => openStore(url),
    remove: () => database.clear(),
  });
  storeConformance('PostgreSQL', newPlace);
});
