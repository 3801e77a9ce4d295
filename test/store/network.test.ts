/** What a database server may do to a store: lose its answer, its connections, itself; and what several processes do to each other. */
import { setImmediate as turn } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openQueue } from '../../src/index.ts';
import type { Claim, Store, Token } from '../../src/queue/store.ts';
import { newId } from '../../src/runtime/id.ts';
import { openDatabase, openStore } from '../../src/store/open.ts';
import { Admin } from '../support/database-admin.ts';
import { DatabaseServer, isInstalled, PRIVATE_MARIADB, PRIVATE_POSTGRES } from '../support/database-server.ts';
import { Recorder } from '../support/delivery.ts';
import { Gate } from '../support/gate.ts';
import { BIN, run, temporaryFolder } from '../support/posthaste.ts';
import { isThere, MYSQL, POSTGRES, TestDatabase, type TestServer } from '../support/servers.ts';
import { claimAll, HOLDER, LEASE, put, sample, settlement, stateOf, T } from './conformance/samples.ts';

/** A second is promised, and on an idle machine it takes no more; without that promise it would be minutes. */
const SOON = 30_000;

async function soon<T>(work: Promise<T>): Promise<T> {
  const begun = performance.now();
  try {
    return await work;
  } finally {
    expect(performance.now() - begun).toBeLessThan(SOON);
  }
}

/** An ErrorResponse of PostgreSQL's protocol. */
function fatal(code: string, text: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`);
  const head = Buffer.alloc(5, 'E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

async function untilItWorks(store: Store): Promise<void> {
  while ((await put(store).catch(() => undefined)) === undefined) await turn();
}

function facts(server: TestServer): void {
  /** Whose answer tells that a transaction was committed; transactions of PostgreSQL begin with READ COMMITTED. */
  const COMMIT = server === POSTGRES ? 'COMMIT\0' : 'COMMIT';
  let database: TestDatabase;
  let gate: Gate;
  let store: Store;
  let opened: Store[];

  const through = (database: string): string => {
    const url = new URL(database);
    url.port = String(gate.port);
    return url.href;
  };
  const another = async (url = database.url): Promise<Store> => {
    const made = await openStore(url);
    opened.push(made);
    return made;
  };

  beforeAll(async () => {
    database = await TestDatabase.make(server);
    await (await openStore(database.url)).close();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    opened = [];
    gate = await Gate.before(Number(new URL(server.url).port));
    store = await another(through(database.url));
  });
  afterEach(async () => {
    await gate.close();
    await Promise.all(opened.map((each) => each.close()));
    await database.clear();
  });

  test('an insert whose commit was not answered is found to be kept, once, and claimed as it was', async () => {
    const [own, taken] = [sample({ key: 'once' }), sample()];
    const cut = gate.cutAnswerTo(COMMIT);
    const take = { relay: 'default', limit: 1, until: T + LEASE, holder: HOLDER };
    const inserted = await store.insert([taken, own], T, [take]);
    await cut;
    expect(inserted.map(({ id, duplicate }) => [id, duplicate])).toEqual([
      [taken.message.id, false],
      [own.message.id, false],
    ]);
    expect(await store.count({})).toBe(2);
    expect(await stateOf(store, taken.message.id)).toBe('sending');
    expect(await store.renew([inserted[0]?.token as string], T + LEASE)).toHaveLength(1);
    expect(inserted[1]?.token).toBeUndefined();
  });

  test('an insert whose commit was not answered by a server that is gone then is in doubt, and says so', async () => {
    const message = sample();
    const { port } = gate;
    const cut = gate.cutAnswerTo(COMMIT);
    const inserting = store.insert([message], T).catch((error: unknown) => error);
    await cut;
    await gate.close();
    expect(await inserting).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      inDoubt: true,
      message: expect.stringMatching(/answer to a commit was lost/),
    });
    const failed = await store.insert([sample()], T).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(failed).not.toHaveProperty('inDoubt');
    gate = await Gate.before(Number(new URL(server.url).port), port);
    expect((await store.get(message.message.id))?.message.id).toBe(message.message.id);
  });

  test('a submission whose commit was not answered by a server that is gone then tells the application of the doubt', async () => {
    await using queue = await openQueue({ database: through(database.url) });
    await queue.count();
    const { port } = gate;
    const cut = gate.cutAnswerTo(COMMIT);
    const submitting = queue
      .submit({ from: 'a@example.com', to: 'b@example.org', text: 'x' })
      .catch((error: unknown) => error);
    await cut;
    await gate.close();
    expect(await submitting).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      inDoubt: true,
      message: expect.stringMatching(/^Whether the message was kept is not known/),
    });
    gate = await Gate.before(Number(new URL(server.url).port), port);
  });

  test('an insert that lost its connection before its commit is made on another one', async () => {
    const cut = gate.cutAnswerTo('posthaste_deliveries');
    const id = await put(store);
    await cut;
    expect(await stateOf(store, id)).toBe('queued');
    expect(await store.count({})).toBe(1);
  });

  test('an insert whose commit is still under way when its connection is lost waits for it, and is kept once', async () => {
    const admin = await Admin.of(server, database);
    const message = sample();
    const held = gate.holdBack(COMMIT);
    const inserting = store.insert([message], T);
    const letThrough = await held;
    await admin.untilSomeoneWaits();
    letThrough();
    expect(await inserting).toEqual([{ id: message.message.id, duplicate: false }]);
    expect(await store.count({})).toBe(1);
    await admin.end();
  });

  test('a claim whose commit was not answered is the one that is answered, and nothing is claimed beside it', async () => {
    const ids = [await put(store), await put(store)];
    const cut = gate.cutAnswerTo(COMMIT);
    const [claim] = (await claimAll(store, { limit: 1 })) as [Claim];
    await cut;
    expect(claim.message.id).toBe(ids[0]);
    expect(await store.renew([claim.token], T + LEASE)).toHaveLength(1);
    expect(await store.count({ states: ['sending'] })).toBe(1);
  });

  test('a claim that lost its connection before its commit is made on another one', async () => {
    await put(store);
    const cut = gate.cutAnswerTo('lease_until');
    const [claim] = (await claimAll(store)) as [Claim];
    await cut;
    expect(await store.renew([claim.token], T + LEASE)).toHaveLength(1);
  });

  test('a claim whose commit is still under way when its connection is lost waits for it', async () => {
    const admin = await Admin.of(server, database);
    const ids = [await put(store), await put(store)];
    const held = gate.holdBack(COMMIT);
    const claiming = claimAll(store, { limit: 1 });
    const letThrough = await held;
    await admin.untilSomeoneWaits();
    letThrough();
    const [claim] = (await claiming) as [Claim];
    expect(claim.message.id).toBe(ids[0]);
    expect(await store.count({ states: ['sending'] })).toBe(1);
    await admin.end();
  });

  test('a settlement whose commit was not answered holds, and its report is kept once', async () => {
    const id = await put(store);
    const [claim] = (await claimAll(store)) as [Claim];
    const cut = gate.cutAnswerTo(COMMIT);
    const group = { settlements: [settlement(claim)], reports: [sample()] };
    expect(await store.settle([group], T)).toEqual([[true]]);
    await cut;
    expect(await stateOf(store, id)).toBe('sent');
    expect(await store.count({})).toBe(2);
  });

  test('a release whose commit was not answered says so, and holds', async () => {
    const id = await put(store);
    const [claim] = await claimAll(store);
    const cut = gate.cutAnswerTo(COMMIT);
    await expect(store.release([claim?.token as string], T)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await cut;
    expect(await stateOf(store, id)).toBe('queued');
  });

  test('a server that is gone fails calls within a second, with its name and without the password; the store goes on when it is back', async () => {
    await put(store);
    const { port } = gate;
    await gate.close();
    const fails = { code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/127\.0\.0\.1.*Start the server/) };
    await soon(expect(put(store)).rejects.toMatchObject(fails));
    await soon(expect(store.count({})).rejects.toMatchObject(fails));
    await expect(openStore(through(database.url).replace('@', ':sesame@'))).rejects.not.toThrow(/sesame/);
    gate = await Gate.before(Number(new URL(server.url).port), port);
    await put(store);
    expect(await store.count({})).toBe(2);
  });

  test('a server that is slow to greet a process that is new is waited for: nobody hears of a second there', async () => {
    gate.delayNext(1_500);
    const patient = await another(through(database.url));
    expect(await patient.count({})).toBe(0);
  });

  test.runIf(server === POSTGRES)('a server that is starting is waited for by a process that is new', async () => {
    gate.refuseFor(1_500, fatal('57P03', 'the database system is starting up'));
    const patient = await another(through(database.url));
    expect(await patient.count({})).toBe(0);
  });

  test.runIf(server === POSTGRES)(
    'a server that has no more sessions is asked for one some times a second',
    async () => {
      const admin = await Admin.of(server, database);
      await put(store);
      const groups = (await claimAll(store)).map((claim) => ({ settlements: [settlement(claim)], reports: [] }));
      await admin.lockDeliveries();
      const settling = store.settle(groups, T);
      await admin.untilSomeoneWaits();
      const before = gate.connections;
      gate.refuseFor(1_000, fatal('53300', 'sorry, too many clients already'));
      const counts = await Promise.all(Array.from({ length: 5 }, () => store.count({})));
      const asked = gate.connections - before;
      await admin.unlock();
      await admin.end();
      expect(counts).toEqual(Array(5).fill(1));
      expect(asked).toBeLessThan(25);
      expect(await settling).toEqual([[true]]);
    },
  );

  test('a long answer on a narrow way is waited for while it comes, though nothing else comes through', async () => {
    await store.insert(
      Array.from({ length: 8 }, () => sample({ content: Buffer.alloc(250_000, 'x') })),
      T,
    );
    gate.narrow();
    expect(await claimAll(store)).toHaveLength(8);
  });

  test('a server that says nothing any more fails calls soon, and the store goes on when it speaks again', async () => {
    await put(store);
    gate.silence(true);
    await soon(expect(put(store)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' }));
    await soon(expect(put(store)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' }));
    gate.silence(false);
    await soon(untilItWorks(store));
    expect(await store.count({})).toBe(2);
  });

  test('a restart that idle connections slept through costs nobody an error', async () => {
    await Promise.all(Array.from({ length: 8 }, () => put(store)));
    gate.silence(true);
    gate.silence(false);
    await Promise.all(Array.from({ length: 8 }, () => put(store)));
    expect(await store.count({})).toBe(16);
  });

  test('what a host locked that was cut off in the middle of a transaction is free again after some seconds', async () => {
    const id = await put(store);
    const { database: lost, close } = await openDatabase(through(database.url));
    const work = lost.transaction(async (tx) => {
      await tx.query("UPDATE posthaste_deliveries SET state = 'held'", []);
      gate.silence(true);
      await tx.query('SELECT 1', []);
    });
    await expect(work).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const other = await another();
    expect(await other.move({ ids: [id] }, 'cancelled', { now: T, expiresAt: T })).toBe(1);
    gate.silence(false);
    await close();
  });

  describe('an operator of the server', () => {
    let admin: Admin;
    let token: Token;
    let settling: Promise<unknown>;

    /** A settlement that waits for a row that somebody else has locked. */
    beforeEach(async () => {
      admin = await Admin.of(server, database);
      await put(store);
      const [claim] = await claimAll(store);
      token = claim?.token as Token;
      await admin.lockDeliveries();
      settling = store.settle([{ settlements: [settlement(claim as Claim)], reports: [] }], T);
      await admin.untilSomeoneWaits();
    });
    afterEach(() => admin.end());

    test('who cancels a statement makes it run again', async () => {
      await admin.cancelWaiting();
      await admin.untilSomeoneWaits();
      await admin.unlock();
      expect(await settling).toEqual([[true]]);
      expect(await store.count({ states: ['sent'] })).toBe(1);
    });

    test('who ends a session in the middle of its transaction makes that run again, on another one', async () => {
      await admin.endWaiting();
      await admin.untilSomeoneWaits();
      await admin.unlock();
      expect(await settling).toEqual([[true]]);
      expect(await store.count({ states: ['sent'] })).toBe(1);
    });

    test('who cancels it again and again is a reason to ask later, and the claim holds', async () => {
      const failed = expect(settling).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(/cannot be used: .*cancell?ed|interrupted/),
      });
      await admin.cancelUntil(failed);
      await admin.unlock();
      expect(await store.renew([token], T + LEASE)).toEqual([token]);
    });
  });

  test('moves of the same deliveries in opposite order all succeed', async () => {
    const other = await another();
    await store.insert(
      Array.from({ length: 300 }, () => sample()),
      T,
    );
    const options = { now: T, expiresAt: T };
    const moves = Array.from({ length: 6 }, (_, i) =>
      (i % 2 === 0 ? store : other).move({}, i % 3 === 0 ? 'held' : 'queued', options),
    );
    expect(await Promise.all(moves)).toHaveLength(6);
    expect(await store.count({})).toBe(300);
  });

  test('the same key from many processes at once is kept once', async () => {
    const stores = [store, await another(), await another(), await another()];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (stores[i % 4] as Store).insert([sample({ key: 'one' })], T)),
    );
    expect(answers.flat().filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(answers.flat().map(({ id }) => id)).size).toBe(1);
    expect(await store.count({})).toBe(1);
  });

  test('a staged content is swept or adopted, never both', async () => {
    const other = await another();
    for (let n = 0; n < 20; n++) {
      const id = newId(T);
      await store.stage(id, 0, Buffer.from('part'), T);
      const message = sample({ id, stagedChunks: 1 });
      const [adopted] = await Promise.all([
        store.insert([message], T).then(
          () => true,
          () => false,
        ),
        other.sweepStaged(T + 1),
      ]);
      expect((await store.contentChunk(id, 0)) !== null).toBe(adopted);
      expect((await store.get(id)) !== null).toBe(adopted);
    }
  });

  test('contents of some megabytes in one batch fit through', async () => {
    const content = Buffer.alloc(250_000, 'x');
    await store.insert(
      Array.from({ length: 120 }, () => sample({ content })),
      T,
    );
    expect(await store.count({})).toBe(120);
  });

  test.each([
    ['ahead of', 60_000],
    ['behind', -60_000],
  ])('a clock that is a minute %s that of the server is told of at the start', async (how, skew) => {
    const log = new Recorder();
    const own = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => own() + skew);
    const skewed = await openStore(database.url, { log }).finally(() => vi.restoreAllMocks());
    await skewed.close();
    const said = new RegExp(`^The clock of this machine is (1m|[45]\\ds) ${how} that of the database server`);
    expect(log.events.filter(({ event }) => said.test(event))).toHaveLength(1);
    const right = new Recorder();
    await (await openStore(database.url, { log: right })).close();
    expect(right.count('The clock')).toBe(0);
  });

  test('tables are made once, however many processes start', async () => {
    const fresh = await TestDatabase.make(server);
    const stores = await Promise.all(Array.from({ length: 6 }, () => openStore(fresh.url)));
    await Promise.all(stores.map((each) => put(each)));
    expect(await stores[0]?.count({})).toBe(6);
    await Promise.all(stores.map((each) => each.close()));
    await fresh.drop();
  });

  test('calls after close are refused, and close may come twice', async () => {
    const one = await another();
    await one.close();
    await one.close();
    await expect(one.count({})).rejects.toMatchObject({ code: 'STOPPED' });
  });
}

for (const server of [POSTGRES, MYSQL]) {
  describe.skipIf(!(await isThere(server)))(server.engine, () => facts(server));
}

describe.skipIf(!isInstalled(PRIVATE_MARIADB))(
  'MariaDB that does not sync its commits, and takes short packets alone',
  () => {
    test('is said to lose mail, and to refuse it, at the start', async () => {
      const server = await DatabaseServer.start(PRIVATE_MARIADB);
      const connection = await mysql.createConnection(server.url);
      await connection.query('SET GLOBAL innodb_flush_log_at_trx_commit = 2, GLOBAL max_allowed_packet = 1048576');
      await connection.end();
      const log = new Recorder();
      await (await openStore(server.url, { log })).close();
      expect(log.count('The server runs with innodb_flush_log_at_trx_commit = 2: mail')).toBe(1);
      expect(log.count('The server runs with max_allowed_packet = 1048576: of mail')).toBe(1);
      await server.remove();
    });
  },
);

describe.skipIf(!isInstalled(PRIVATE_MARIADB))('MariaDB whose sessions commit nothing by themselves', () => {
  test('is searched all the same', async () => {
    const server = await DatabaseServer.start(PRIVATE_MARIADB);
    const connection = await mysql.createConnection(server.url);
    await connection.query('SET GLOBAL autocommit = 0');
    await connection.end();
    const store = await openStore(`${server.url}?connections=2`);
    const id = await put(store);
    // A plain read on each of its sessions.
    await Promise.all([store.changeMark(), store.changeMark()]);
    expect((await store.find({}, { limit: 1 })).rows[0]?.id).toBe(id);
    await store.close();
    await server.remove();
  });
});

describe.skipIf(!isInstalled(PRIVATE_POSTGRES))('PostgreSQL that is a standby', () => {
  test('takes nothing, says why, and is told what came of attempts when it is promoted', async () => {
    const server = await DatabaseServer.start(PRIVATE_POSTGRES);
    const store = await openStore(server.url);
    await put(store);
    const [claim] = (await claimAll(store)) as [Claim];
    // Synced, and the claim with it.
    await put(store);
    await server.standBy();
    const settle = () => store.settle([{ settlements: [settlement(claim)], reports: [] }], T);
    const failure = async (): Promise<unknown> => settle().catch((error: unknown) => error);
    for (let error = await failure(); !/only reads/.test(String(error)); error = await failure())
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(put(store)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(store.losses?.()).toBeGreaterThan(0);
    using folder = temporaryFolder();
    const checked = await run(process.execPath, [BIN, 'check', '--database', server.url, '--data-dir', folder.path], {
      cwd: folder.path,
    });
    expect([checked.code, checked.stdout]).toEqual([1, expect.stringMatching(/^FAIL {2}database .*only reads/m)]);
    const client = new pg.Client(server.url);
    await client.connect();
    await client.query('SELECT pg_promote()');
    await client.end();
    await untilItWorks(store);
    expect(await settle()).toEqual([[true]]);
    expect(await stateOf(store, claim.message.id)).toBe('sent');
    await store.close();
    await server.remove();
  });
});

describe.skipIf(!(await isThere(POSTGRES)))('PostgreSQL that is not encoded in UTF8', () => {
  test('is refused, with what to do', async () => {
    const database = await TestDatabase.make(
      POSTGRES,
      "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    );
    await expect(openStore(database.url)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/SQL_ASCII.*createdb --encoding=UTF8/),
    });
    await database.drop();
  });
});

describe.skipIf(!(await isThere(POSTGRES)))('PostgreSQL whose locale knows no letters beyond ASCII', () => {
  test('finds words in any case all the same', async () => {
    const database = await TestDatabase.make(
      POSTGRES,
      "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    );
    const store = await openStore(database.url);
    await put(store, { tags: ['Übersicht', 'Ödön', "Ŀ'ü"] });
    for (const text of ['übersicht', 'ÜBERSICHT', 'ödÖN', 'übersicht ödön', "ŀ'Ü", 'ß']) {
      expect([text, await store.count({ text })]).toEqual([text, text === 'ß' ? 0 : 1]);
    }
    await store.close();
    await database.drop();
  });
});

describe.skipIf(!(await isThere(POSTGRES)))('PostgreSQL that writes octets as escapes', () => {
  test('is read all the same', async () => {
    const database = await TestDatabase.make(POSTGRES);
    await database.run(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET bytea_output = 'escape'`);
    const store = await openStore(database.url);
    const content = Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256));
    const id = await put(store, { content });
    expect((await store.find({}, { limit: 1 })).rows[0]?.id).toBe(id);
    const [claim] = (await claimAll(store)) as [Claim];
    expect(Buffer.from(claim.content as Uint8Array).equals(content)).toBe(true);
    await store.close();
    await database.drop();
  });
});

describe.skipIf(!(await isThere(POSTGRES)))('PostgreSQL that lets nobody wait for a lock', () => {
  test('is asked again while another one has it, and in the end the caller is told to come back', async () => {
    const database = await TestDatabase.make(POSTGRES);
    await (await openStore(database.url)).close();
    await database.run(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET lock_timeout = '1ms'`);
    const store = await openStore(database.url);
    const admin = await Admin.of(POSTGRES, database);
    await put(store);
    const groups = (await claimAll(store)).map((claim) => ({ settlements: [settlement(claim)], reports: [] }));
    await admin.lockDeliveries();
    await expect(store.settle(groups, T)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await admin.unlock();
    expect(await store.settle(groups, T)).toEqual([[true]]);
    await admin.end();
    await store.close();
    await database.drop();
  });
});

describe.skipIf(!(await isThere(POSTGRES)))('PostgreSQL', () => {
  test('wakes those who listen when another process has committed work, and not the one who wrote', async () => {
    const database = await TestDatabase.make(POSTGRES);
    const [one, other] = [await openStore(database.url), await openStore(database.url)];
    let own = 0;
    const woken = new Promise<void>((resolve) => {
      other.onNews?.(resolve);
    });
    one.onNews?.(() => own++);
    // Both listen from here on: each is woken once by that itself.
    await woken;
    const again = new Promise<void>((resolve) => {
      other.onNews?.(resolve);
    });
    const id = await put(one);
    await again;
    expect(await stateOf(other, id)).toBe('queued');
    expect(own).toBeLessThanOrEqual(1);
    // Also by the last words of one that ends.
    const last = new Promise<void>((resolve) => {
      other.onNews?.(resolve);
    });
    await put(one);
    await one.close();
    await last;
    await other.close();
    await database.drop();
  });
});
