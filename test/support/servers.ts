/** Database servers for tests: the ones that are named in the environment or run on this machine, with a database of one's own on them. */

import { randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import mysql from 'mysql2/promise';
import pg from 'pg';

export interface TestServer {
  readonly engine: string;
  /** Without a database in it. */
  readonly url: string;
  /** The variable of the environment that names another one. */
  readonly variable: string;
}

export const POSTGRES: TestServer = {
  engine: 'PostgreSQL',
  variable: 'TEST_POSTGRES',
  url: process.env.TEST_POSTGRES ?? 'postgres://postgres@127.0.0.1:5432',
};

export const MYSQL: TestServer = {
  engine: 'MariaDB or MySQL',
  variable: 'TEST_MYSQL',
  url: process.env.TEST_MYSQL ?? 'mysql://root@127.0.0.1:3306',
};

/** Whether something listens there. Says loudly that tests are skipped, and under CI=true fails, where nothing does. */
export async function isThere({ engine, url, variable }: TestServer): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const fault = await new Promise<string | undefined>((resolve) => {
    const socket = createConnection({ host: hostname, port: Number(port) }, () => resolve(undefined));
    socket.on('error', ({ message }) => resolve(message)).on('connect', () => socket.destroy());
  });
  if (fault === undefined) return true;
  const text = `NO ${engine} AT ${hostname}:${port} (${fault}): its tests are skipped. ${variable}=URL names another server.`;
  if (process.env.CI === 'true') throw new Error(text);
  process.stderr.write(`\n!!! ${text}\n\n`);
  return false;
}

/** A new database on the server, of one test file. */
export class TestDatabase {
  readonly url: string;
  readonly #server: TestServer;
  readonly #name: string;

  static async make(server: TestServer, options = "ENCODING 'UTF8' TEMPLATE template0"): Promise<TestDatabase> {
    const name = `posthaste_test_${randomBytes(6).toString('hex')}`;
    await run(server, '', [`CREATE DATABASE ${name} ${server === POSTGRES ? options : ''}`]);
    return new TestDatabase(server, name);
  }

  private constructor(server: TestServer, name: string) {
    this.#server = server;
    this.#name = name;
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    this.url = url.href;
  }

  run(...statements: readonly string[]): Promise<void> {
    return run(this.#server, this.#name, statements);
  }

  /** As it was after it was opened for the first time: that makes and drops databases much more seldom. */
  clear(): Promise<void> {
    return this.run(...TABLES.map((table) => `DELETE FROM posthaste_${table}`));
  }

  drop(): Promise<void> {
    return run(this.#server, '', [`DROP DATABASE ${this.#name}${this.#server === POSTGRES ? ' WITH (FORCE)' : ''}`]);
  }
}

const TABLES = [
  'messages',
  'keys',
  'contents',
  'staging',
  'deliveries',
  'attempts',
  'relays',
  'suppressions',
  'audit',
  'webhooks',
  'webhook_events',
  'nodes',
  'shares',
];

async function run(server: TestServer, database: string, statements: readonly string[]): Promise<void> {
  if (server === MYSQL) {
    const connection = await mysql.createConnection(`${server.url}/${database}`);
    for (const sql of statements) await connection.query(sql);
    return connection.end();
  }
  const client = new pg.Client(`${server.url}/${database || 'postgres'}`);
  await client.connect();
  for (const sql of statements) await client.query(sql);
  await client.end();
}
