/** Mail in transactions on MariaDB or MySQL: of mysql2, also where the application reads values its own way, and of what stands above it. */
import mysql from 'mysql2';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { openQueue } from '../../src/index.ts';
import { openStore } from '../../src/store/open.ts';
import { isThere, MYSQL, TestDatabase } from '../support/servers.ts';
import { drizzle, knex, kysely, typeorm } from './applications.ts';
import { type Application, keyFacts, transactionFacts } from './conformance.ts';
import { ServerGrounds } from './grounds.ts';
import { there } from './modules.ts';

const grounds = new ServerGrounds(MYSQL);
const ground = () => grounds.ground();
afterAll(() => grounds.drop());

/** MariaDB from 11.6.2 on says ON of itself; earlier ones that have been kept up to date know it, MySQL does not. */
const isolations = (await knowsIsolation()) ? ['OFF', 'ON'] : ['unknown'];

async function knowsIsolation(): Promise<boolean> {
  if (!(await isThere(MYSQL))) return true;
  const connection = await mysql.createConnection(MYSQL.url).promise();
  const [rows] = await connection.query("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'");
  await connection.end();
  return (rows as unknown as unknown[]).length > 0;
}

const mail = { from: 'a@example.com', to: 'b@example.org', text: 'x' };

/** A connection with callbacks, or with promises. */
async function application(
  url: string,
  callbacks: boolean,
  options: mysql.ConnectionOptions = {},
): Promise<Application> {
  const pool = mysql.createPool({ uri: url, connectionLimit: 3, ...options }).promise();
  const idle = await pool.getConnection();
  return {
    async transaction(work) {
      const connection = await pool.getConnection();
      try {
        await connection.query('START TRANSACTION');
        const note = async (text: string) =>
          void (await connection.query('INSERT INTO notes (text) VALUES (?)', [text]));
        const result = await work({ handle: callbacks ? connection.connection : connection, note });
        await connection.query('COMMIT');
        return result;
      } catch (error) {
        await connection.query('ROLLBACK');
        throw error;
      } finally {
        connection.release();
      }
    },
    notes: async () => {
      const [rows] = await pool.query({ sql: 'SELECT text FROM notes', rowsAsArray: true, typeCast: true });
      return (rows as unknown as string[][]).map(([text = '']) => text.replace('mine: ', ''));
    },
    idle: () => [idle, pool],
    async close() {
      idle.release();
      await pool.end();
    },
  };
}

describe.skipIf(!(await isThere(MYSQL)))('on a server', () => {
  transactionFacts({ name: 'mysql2', ground, open: (url) => application(url, false) });
  keyFacts({ name: 'mysql2', ground, open: (url) => application(url, false) });
  transactionFacts({
    name: 'mysql2 with callbacks, rows as arrays, texts for numbers, and escapes that are none',
    ground,
    open: async (url) => {
      const app = await application(url, true, {
        rowsAsArray: true,
        supportBigNumbers: true,
        bigNumberStrings: true,
        typeCast: (field) => `mine: ${field.string()}`,
      });
      return {
        ...app,
        transaction: (work) =>
          app.transaction(async (tx) => {
            const { handle } = tx as unknown as { handle: mysql.Connection };
            await handle.promise().query("SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'");
            return work(tx);
          }),
      };
    },
  });

  describe.each(isolations)('after the snapshot of the transaction, with innodb_snapshot_isolation %s', (isolation) => {
    const opened: mysql.Connection[] = [];
    // Where a test fails nothing stays locked.
    afterEach(() => {
      for (const connection of opened.splice(0)) connection.destroy();
    });

    /** A transaction that has written a note, and whose snapshot is older than what comes. */
    async function older(url: string): Promise<mysql.Connection> {
      const connection = mysql.createConnection(url);
      opened.push(connection);
      if (isolation !== 'unknown') await connection.promise().query(`SET innodb_snapshot_isolation = ${isolation}`);
      await connection.promise().query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await connection.promise().query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
      await connection.promise().query("INSERT INTO notes (text) VALUES ('mine')");
      return connection;
    }

    async function committed(connection: mysql.Connection): Promise<unknown> {
      await connection.promise().query('COMMIT');
      const [[row]] = (await connection.promise().query('SELECT COUNT(*) AS n FROM notes')) as unknown as [
        { n: number }[],
      ];
      const [[set]] = (await connection
        .promise()
        .query("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'")) as unknown as [{ Value: string }[]];
      await connection.promise().end();
      return { notes: row?.n, isolation: set?.Value ?? 'unknown' };
    }

    test('a key that another one took is found', async () => {
      const { url, remove } = await ground();
      await using queue = await openQueue({ database: url });
      const connection = await older(url);
      const first = await queue.submit(mail, { key: 'k' });
      const second = await queue.submit(mail, { key: 'k', transaction: connection });
      expect(second).toMatchObject({ id: first.id, duplicate: true });
      expect(await committed(connection)).toEqual({ notes: 1, isolation });
      expect(await queue.count()).toBe(1);
      await remove();
    });

    test('a key that another one holds is waited for', async () => {
      const { url, remove } = await ground();
      await using queue = await openQueue({ database: url });
      const [one, other] = [await older(url), await older(url)];
      const first = await queue.submit(mail, { key: 'k', transaction: one });
      const second = queue.submit(mail, { key: 'k', transaction: other });
      await committed(one);
      expect(await second).toMatchObject({ id: first.id, duplicate: true });
      expect(await committed(other)).toEqual({ notes: 2, isolation });
      await remove();
    });

    test('a large message that was prepared is whole', async () => {
      const { url, remove } = await ground();
      await using queue = await openQueue({ database: url });
      const connection = await older(url);
      const prepared = await queue.prepare({ ...mail, text: 'A line.\n'.repeat(100_000) });
      const { id } = await prepared.submit(connection);
      expect(await committed(connection)).toEqual({ notes: 1, isolation });
      expect((await queue.get(id))?.contentKept).toBe(true);
      await remove();
    });
  });

  /** As MySQL itself says, and as Prisma passes that on. */
  const refusals = [
    { errno: 1295, message: 'This command is not supported in the prepared statement protocol yet' },
    { code: 'P2010', message: 'Raw query failed. Code: `1295`. Message: `This command is not supported`' },
  ];
  test.each(refusals)(
    'a library that prepares each statement, where savepoints cannot be: is told what to do',
    async (refusal) => {
      const { url, remove } = await ground();
      await using queue = await openQueue({ database: url });
      const connection = await mysql.createConnection(url).promise();
      await connection.query('START TRANSACTION');
      const query = async (sql: string, values: readonly (string | number | Uint8Array | null)[]) => {
        if (sql.startsWith('SAVEPOINT')) throw Object.assign(new Error(refusal.message), refusal);
        const [answer] = await connection.query(sql, [...values]);
        return Array.isArray(answer) ? { rows: answer, changed: 0 } : { rows: [], changed: answer.affectedRows };
      };
      await expect(queue.submit(mail, { transaction: { query } })).rejects.toMatchObject({
        code: 'TRANSACTION_UNKNOWN',
        message: expect.stringContaining('{ useTextProtocol: true }'),
      });
      await connection.query('COMMIT');
      await connection.end();
      expect(await queue.count()).toBe(0);
      await remove();
    },
  );

  test('an application whose connection serves one tenant after the other is told when it is at another one', async () => {
    const { url, remove } = await ground();
    const other = await TestDatabase.make(MYSQL);
    await using queue = await openQueue({ database: url });
    await using another = await openQueue({ database: other.url });
    const connection = await mysql.createConnection(url).promise();
    const submitIn = async (database: string): Promise<void> => {
      await connection.query(`USE ${new URL(database).pathname.slice(1)}`);
      await connection.query('START TRANSACTION');
      await queue.submit(mail, { transaction: connection }).finally(() => connection.query('COMMIT'));
    };
    await submitIn(url);
    await expect(submitIn(other.url)).rejects.toMatchObject({ code: 'TRANSACTION_ELSEWHERE' });
    await submitIn(url);
    await connection.end();
    expect([await queue.count(), await another.count()]).toEqual([2, 0]);
    await another.close();
    await other.drop();
    await remove();
  });

  test('a connection that knows fewer letters than mail has is refused, and what it does not change is not', async () => {
    const { url, remove } = await ground();
    await using queue = await openQueue({ database: url });
    const connection = await mysql.createConnection({ uri: url, charset: 'latin1' }).promise();
    const submit = async (): Promise<unknown> => {
      await connection.query('START TRANSACTION');
      return queue
        .submit({ ...mail, to: 'пётр@example.org' }, { transaction: connection })
        .finally(() => connection.query('COMMIT'));
    };
    await expect(submit()).rejects.toMatchObject({
      code: 'TRANSACTION_UNKNOWN',
      message: expect.stringMatching(/latin1.*utf8mb4/),
    });
    await connection.changeUser({ charset: 'utf8mb4' });
    await submit();
    await connection.end();
    expect((await queue.page()).rows.map(({ recipient }) => recipient)).toEqual(['пётр@example.org']);
    await remove();
  });

  test('other processes learn of the commit by the mark of changes, which is folded again', async () => {
    const { url, remove } = await ground();
    await using queue = await openQueue({ database: url });
    const store = await openStore(url);
    const connection = await mysql.createConnection(url).promise();
    const before = await store.changeMark();
    await connection.query('START TRANSACTION');
    await queue.submit(mail, { transaction: connection });
    expect(await store.changeMark()).toBe(before);
    await connection.query('COMMIT');
    expect(await store.changeMark()).not.toBe(before);
    // As many as a busy application writes between two such rounds.
    const others = Array.from({ length: 1_200 }, (_, i) => `(${1_000_000 + i}, 1)`);
    await connection.query(`INSERT INTO posthaste_news (slot, mark) VALUES ${others.join(', ')}`);
    const after = await store.changeMark();
    await store.sweepStaged(0);
    expect(await store.changeMark()).toBe(after);
    const [rows] = await connection.query('SELECT COUNT(*) AS n FROM posthaste_news');
    expect(rows).toEqual([{ n: 64 }]);
    await connection.end();
    await store.close();
    await remove();
  });
});

describe.skipIf(!there || !(await isThere(MYSQL)))('above it', () => {
  transactionFacts({ name: 'Kysely over mysql2', ground, open: kysely('MySQL') });
  transactionFacts({ name: 'Knex over mysql2', ground, open: knex('MySQL') });
  transactionFacts({ name: 'Drizzle over mysql2', ground, open: drizzle('MySQL', 'mysql2') });
  transactionFacts({ name: 'TypeORM over mysql2', ground, open: typeorm('MySQL') });
});
