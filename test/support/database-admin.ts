/** What the operator of a database server does behind the back of posthaste: locks rows, cancels statements, ends sessions. */
import { setImmediate as turn } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { MYSQL, type TestDatabase, type TestServer } from './servers.ts';

/** One session with the server. */
interface Line {
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  end(): Promise<void>;
}

interface Commands {
  /** Sessions of the test's database that wait for a lock, as `id`. An insert of messages counts as soon as it runs. */
  readonly waiting: string;
  cancel(id: number): string;
  end(id: number): string;
}

const POSTGRES_COMMANDS: Commands = {
  waiting:
    "SELECT pid AS id FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND state = 'active'",
  cancel: (id) => `SELECT pg_cancel_backend(${id})`,
  end: (id) => `SELECT pg_terminate_backend(${id})`,
};

const MARIADB_COMMANDS: Commands = {
  // What InnoDB itself tells of waits is renewed only when nobody has asked for a while.
  waiting:
    "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() AND command <> 'Sleep' " +
    "AND (info LIKE '% FOR UPDATE' OR info LIKE 'INSERT INTO posthaste_messages %')",
  cancel: (id) => `KILL QUERY ${id}`,
  end: (id) => `KILL CONNECTION ${id}`,
};

const MYSQL_COMMANDS: Commands = {
  ...MARIADB_COMMANDS,
  // Statements with octets in them it cannot list. Of locks it knows at once.
  waiting:
    'SELECT DISTINCT t.PROCESSLIST_ID AS id FROM performance_schema.data_lock_waits w ' +
    'JOIN performance_schema.threads t ON t.THREAD_ID = w.REQUESTING_THREAD_ID WHERE t.PROCESSLIST_DB = DATABASE()',
};

export class Admin {
  readonly #commands: Commands;
  readonly #watching: Line;
  readonly #locking: Line;

  static async of(server: TestServer, { url }: TestDatabase): Promise<Admin> {
    const open = server === MYSQL ? mysqlLine : postgresLine;
    const [watching, locking] = [await open(url), await open(url)];
    const [about] = await watching.query('SELECT VERSION() AS version');
    const mysql = String(about?.version).includes('MariaDB') ? MARIADB_COMMANDS : MYSQL_COMMANDS;
    return new Admin(server === MYSQL ? mysql : POSTGRES_COMMANDS, watching, locking);
  }

  private constructor(commands: Commands, watching: Line, locking: Line) {
    this.#commands = commands;
    this.#watching = watching;
    this.#locking = locking;
  }

  async lockDeliveries(): Promise<void> {
    await this.#locking.query('BEGIN');
    await this.#locking.query('SELECT id FROM posthaste_deliveries FOR UPDATE');
  }

  async unlock(): Promise<void> {
    await this.#locking.query('ROLLBACK');
  }

  async untilSomeoneWaits(): Promise<void> {
    while ((await this.#waiting()).length === 0) await turn();
  }

  async cancelWaiting(): Promise<void> {
    for (const id of await this.#waiting()) await this.#tell(this.#commands.cancel(id));
  }

  async endWaiting(): Promise<void> {
    for (const id of await this.#waiting()) await this.#tell(this.#commands.end(id));
  }

  /** Whatever waits for a lock, until then. */
  async cancelUntil(end: Promise<unknown>): Promise<void> {
    let over = false;
    const ended = end.finally(() => {
      over = true;
    });
    while (!over) {
      await this.cancelWaiting();
      await turn();
    }
    await ended;
  }

  async end(): Promise<void> {
    await this.#locking.end();
    await this.#watching.end();
  }

  async #waiting(): Promise<readonly number[]> {
    return (await this.#watching.query(this.#commands.waiting)).map(({ id }) => Number(id));
  }

  /** A session that has ended by itself is none that must be ended. */
  async #tell(command: string): Promise<void> {
    await this.#watching.query(command).catch((error: unknown) => {
      if ((error as { readonly errno?: unknown }).errno !== NO_SUCH_THREAD) throw error;
    });
  }
}

const NO_SUCH_THREAD = 1094;

async function postgresLine(url: string): Promise<Line> {
  const client = new pg.Client(url);
  await client.connect();
  return { query: async (sql) => (await client.query(sql)).rows, end: () => client.end() };
}

async function mysqlLine(url: string): Promise<Line> {
  const connection = await mysql.createConnection(url);
  return {
    query: async (sql) => (await connection.query(sql))[0] as readonly Readonly<Record<string, unknown>>[],
    end: () => connection.end(),
  };
}
