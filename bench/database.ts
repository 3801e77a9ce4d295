/** A database of a measurement's own on a server that runs, made before and dropped after it. */
import { randomBytes } from 'node:crypto';

export interface OwnDatabase {
  readonly url: string;
  /** What it is, with its version. */
  readonly server: string;
  drop(): Promise<void>;
}

/** On the server of a URL `postgres://...` or `mysql://...`, whose user may make databases. */
export async function makeDatabase(server: string): Promise<OwnDatabase> {
  const run = server.startsWith('mysql') ? onMysql(server) : onPostgres(server);
  const name = `posthaste_bench_${randomBytes(4).toString('hex')}`;
  const version = await run('SELECT version() AS version');
  await run(`CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  // Also with sessions in it, when somebody breaks a measurement off.
  const drop = `DROP DATABASE ${name}${server.startsWith('mysql') ? '' : ' WITH (FORCE)'}`;
  return { url: url.href, server: version, drop: async () => void (await run(drop)) };
}

type Run = (sql: string) => Promise<string>;

function onPostgres(server: string): Run {
  return async (sql) => {
    const { default: pg } = await import('pg');
    const client = new pg.Client(server);
    await client.connect();
    try {
      const { rows } = await client.query<{ version?: string }>(sql);
      return /^\S+ \S+/.exec(rows[0]?.version ?? '')?.[0] ?? '';
    } finally {
      await client.end();
    }
  };
}

function onMysql(server: string): Run {
  return async (sql) => {
    const { default: mysql } = await import('mysql2/promise');
    const connection = await mysql.createConnection(server);
    try {
      const [rows] = await connection.query(sql);
      return Array.isArray(rows) ? named(String((rows[0] as { version?: string }).version ?? '')) : '';
    } finally {
      await connection.end();
    }
  };
}

/** MariaDB says its name behind its version, MySQL does not. */
function named(version: string): string {
  const number = /^[\d.]+/.exec(version)?.[0] ?? '';
  return `${version.includes('MariaDB') ? 'MariaDB' : 'MySQL'} ${number}`;
}
