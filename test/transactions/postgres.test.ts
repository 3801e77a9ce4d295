/** Mail in transactions of pg, also where the application reads values its own way. */
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { openQueue } from '../../src/index.ts';
import { isThere, POSTGRES } from '../support/servers.ts';
import { type Application, keyFacts, transactionFacts } from './conformance.ts';
import { ServerGrounds } from './grounds.ts';

const grounds = new ServerGrounds(POSTGRES);
const ground = () => grounds.ground();
afterAll(() => grounds.drop());

/** A client from the application's pool. */
async function application(url: string, options: pg.PoolConfig = {}): Promise<Application> {
  const pool = new pg.Pool({ connectionString: url, max: 2, ...options });
  const idle = await pool.connect();
  return {
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const note = (text: string) => client.query('INSERT INTO notes (text) VALUES ($1)', [text]);
        const result = await work({ handle: client, note: async (text) => void (await note(text)) });
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
    notes: async () => (await pool.query({ text: 'SELECT text FROM notes', rowMode: 'array' })).rows.map(String),
    idle: () => [idle, pool],
    async close() {
      idle.release();
      await pool.end();
    },
  };
}

describe.skipIf(!(await isThere(POSTGRES)))('on a server', () => {
  transactionFacts({ name: 'pg', ground, open: (url) => application(url) });
  keyFacts({ name: 'pg', ground, open: (url) => application(url) });

  const types = { getTypeParser: () => (text: string) => `mine: ${text}` } as unknown as pg.CustomTypesConfig;
  transactionFacts({
    name: 'pg whose types are parsed the way of the application',
    ground,
    open: async (url) => {
      const app = await application(url, { types });
      return { ...app, notes: async () => (await app.notes()).map((text) => text.replace('mine: ', '')) };
    },
  });

  test('a transaction of a snapshot that is older than the key is run again by the application, or fails: no copy', async () => {
    const { url, remove } = await ground();
    await using queue = await openQueue({ database: url });
    const client = new pg.Client(url);
    await client.connect();
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await client.query('SELECT COUNT(*) FROM notes');
    const mail = { from: 'a@example.com', to: 'b@example.org', text: 'x' };
    await queue.submit(mail, { key: 'k' });
    await expect(queue.submit(mail, { key: 'k', transaction: client })).rejects.toMatchObject({ code: '40001' });
    await client.query('ROLLBACK');
    await client.end();
    expect(await queue.count()).toBe(1);
    await remove();
  });

  test('a duplicate in a transaction that stays open keeps nobody else from the key', async () => {
    const { url, remove } = await ground();
    await using queue = await openQueue({ database: url });
    const mail = { from: 'a@example.com', to: 'b@example.org', text: 'x' };
    const first = await queue.submit(mail, { key: 'k' });
    const client = new pg.Client(url);
    await client.connect();
    await client.query('BEGIN');
    await queue.submit(mail, { key: 'k', transaction: client });
    expect(await queue.submit(mail, { key: 'k' })).toMatchObject({ id: first.id, duplicate: true });
    await client.query('COMMIT');
    await client.end();
    await remove();
  });

  test('an application whose tables come first in its search path is told that the queue is elsewhere', async () => {
    const { url, remove } = await ground();
    await using queue = await openQueue({ database: url });
    const client = new pg.Client(url);
    await client.connect();
    await client.query('CREATE SCHEMA IF NOT EXISTS tenant');
    await client.query('SET search_path TO tenant; BEGIN');
    const mail = { from: 'a@example.com', to: 'b@example.org', text: 'x' };
    await expect(queue.submit(mail, { transaction: client })).rejects.toMatchObject({ code: 'TRANSACTION_ELSEWHERE' });
    await client.query('SET LOCAL search_path TO public');
    await queue.submit(mail, { transaction: client });
    await client.query('COMMIT');
    await client.end();
    expect(await queue.count()).toBe(1);
    await remove();
  });

  test('an application whose connection serves one tenant after the other is told when it is at another one', async () => {
    const { url, remove } = await ground();
    await using queue = await openQueue({ database: url });
    const client = new pg.Client(url);
    await client.connect();
    await client.query('CREATE SCHEMA IF NOT EXISTS tenant; CREATE TABLE tenant.posthaste_identity (id text)');
    await client.query("INSERT INTO tenant.posthaste_identity VALUES ('another')");
    const mail = { from: 'a@example.com', to: 'b@example.org', text: 'x' };
    const submitAs = async (schema: string): Promise<void> => {
      await client.query(`BEGIN; SET LOCAL search_path TO ${schema}`);
      await queue.submit(mail, { transaction: client }).finally(() => client.query('COMMIT'));
    };
    await submitAs('public');
    await expect(submitAs('tenant')).rejects.toMatchObject({ code: 'TRANSACTION_ELSEWHERE' });
    await submitAs('public');
    await client.query('DROP TABLE tenant.posthaste_identity');
    await client.end();
    expect(await queue.count()).toBe(2);
    await remove();
  });
});
