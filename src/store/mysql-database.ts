/** MariaDB and MySQL by the mysql2 package: sessions, and how their transactions begin. */
import { isIP, type Socket } from 'node:net';
import type { Connection, ConnectionOptions } from 'mysql2/promise';
import { PosthasteError } from '../errors.ts';
import type { Queries, Result, Value } from './database.ts';
import { mysqlDialect } from './mysql-dialect.ts';
import { MysqlQueries } from './mysql-queries.ts';
import { type Driver, NetworkDatabase } from './network-database.ts';
import type { Session } from './network-session.ts';
import { CERTIFICATE_ADVICE, CERTIFICATE_CODES, invalid, type NetworkUrl, type Tls } from './network-url.ts';

/** After so long without an answer the way to the server is taken for lost, ms. */
const CONNECT_TIMEOUT = 10_000;
/** The network is asked whether it is still there after so long a silence, ms. */
const KEEP_ALIVE = 10_000;
/** Statements that a session keeps prepared: all processes together have 16,382, where nobody changed that. */
const MAX_STATEMENTS = 200;

type Mysql = typeof import('mysql2/promise');

/** Loads the driver, which need not be installed. */
async function loadMysql(): Promise<Mysql> {
  try {
    return await import('mysql2/promise');
  } catch (error) {
    const text =
      'MySQL and MariaDB need the package mysql2 beside posthaste: npm install mysql2 (npm install --global mysql2 for a global one).';
    throw new PosthasteError('STORE_UNAVAILABLE', text, { cause: error });
  }
}

export async function openMysql(url: NetworkUrl): Promise<NetworkDatabase> {
  const { createConnection } = await loadMysql();
  const options = optionsOf(url);
  return new NetworkDatabase(new MysqlDriver(url, () => createConnection(options)));
}

function optionsOf(url: NetworkUrl): ConnectionOptions {
  return {
    ...(url.host.startsWith('/') ? { socketPath: url.host } : { host: url.host, port: url.port }),
    database: url.database,
    ...(url.user !== undefined && { user: url.user }),
    ...(url.password !== undefined && { password: url.password }),
    ...(url.tls !== undefined && { ssl: sslOf(url.tls, url) }),
    charset: 'utf8mb4',
    connectTimeout: CONNECT_TIMEOUT,
    enableKeepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE,
    // For the beginnings and ends of transactions, which carry no values; all other texts go as prepared statements.
    multipleStatements: true,
    maxPreparedStatements: MAX_STATEMENTS,
  };
}

/** Of a server that is named by its address the driver would check whether its certificate is one for `localhost`. */
function sslOf(
  { checkServerIdentity, ...files }: Tls,
  { host, shown }: NetworkUrl,
): NonNullable<ConnectionOptions['ssl']> {
  const verifyIdentity = checkServerIdentity === undefined;
  if (verifyIdentity && isIP(host) !== 0)
    throw invalid(
      'names an address, for which mysql2 can check no certificate: write a name, or sslmode=verify-ca',
      shown,
    );
  return { ...files, verifyIdentity };
}

/**
 * What a host locked that the network cut off in the middle of a transaction is free again after so long, s: it will never say that it is
 * gone. MySQL knows no such limit for transactions alone, and ends the session when it said nothing for longer.
 */
const LOST_TRANSACTION = 15;
const LOST_SESSION = 60;

/**
 * Whatever the server's settings: nothing is cut to fit, a read opens no transaction, and each statement sees what is committed, which leaves fewer rows locked.
 * A lock that is not given within seconds is asked for again, in a transaction that begins anew.
 */
const SETTINGS = [
  'SET SESSION autocommit = 1',
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  'SET SESSION innodb_lock_wait_timeout = 10',
  `SET SESSION wait_timeout = ${LOST_SESSION} /*M!, idle_transaction_timeout = ${LOST_TRANSACTION} */`,
].join('; ');

class MysqlSession implements Session {
  readonly #connection: Connection;
  readonly #queries: MysqlQueries;
  #usable = true;

  constructor(connection: Connection, prepare: boolean) {
    this.#connection = connection;
    this.#queries = new MysqlQueries(connection, prepare);
    connection.on('error', () => {
      this.#usable = false;
    });
    connection.on('end', () => {
      this.#usable = false;
    });
  }

  get usable(): boolean {
    return this.#usable;
  }

  get octets(): number {
    return this.#stream.bytesRead;
  }

  query(sql: string, values: readonly Value[]): Promise<Result> {
    return this.#queries.query(sql, values);
  }

  async run(sql: string): Promise<void> {
    await this.#connection.query(sql);
  }

  hold(active: boolean): void {
    if (active) this.#stream.ref();
    else this.#stream.unref();
  }

  /** What is under way would never hear of an end that the driver is asked for. */
  async end(): Promise<void> {
    this.#usable = false;
    this.#stream.destroy(new Error('the session was ended'));
    this.#connection.destroy();
  }

  /** The types of mysql2 do not have it. */
  get #stream(): Socket {
    return (this.#connection as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;
  }
}

class MysqlDriver implements Driver {
  readonly dialect = mysqlDialect;
  readonly shown: string;
  readonly connections: number;
  readonly beginSnapshot =
    'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY';
  /** Tables cannot be changed in a transaction here: a lock of the session keeps others away, and what is there already is left. */
  readonly alone = {
    begin: "DO GET_LOCK(CONCAT('posthaste_', LEFT(SHA2(DATABASE(), 256), 32)), 600)",
    end: "DO RELEASE_LOCK(CONCAT('posthaste_', LEFT(SHA2(DATABASE(), 256), 32)))",
  };
  readonly askTime = 'SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) AS now';
  readonly wire = null;
  readonly #prepare: boolean;
  readonly #connect: () => Promise<Connection>;

  constructor(url: NetworkUrl, connect: () => Promise<Connection>) {
    this.shown = url.shown;
    this.connections = url.connections;
    this.#prepare = url.prepare ?? true;
    this.#connect = connect;
  }

  async connect(): Promise<Session> {
    const connection = await this.#connect();
    const session = new MysqlSession(connection, this.#prepare);
    await session.run(SETTINGS);
    return session;
  }

  /** There is no commit that waits for less than the server's innodb_flush_log_at_trx_commit says. */
  begin(): string {
    return 'START TRANSACTION';
  }

  async faultsOf(queries: Queries): Promise<readonly string[]> {
    const sql = 'SELECT @@innodb_flush_log_at_trx_commit AS flush, @@max_allowed_packet AS packet';
    const { flush, packet } = (await queries.query(sql, [])).rows[0] ?? {};
    const faults: string[] = [];
    if (Number(flush) !== 1)
      faults.push(
        `The server runs with innodb_flush_log_at_trx_commit = ${flush}: mail that was accepted within the last second is lost when its machine crashes. Set it to 1.`,
      );
    if (Number(packet) < LEAST_PACKET)
      faults.push(
        `The server runs with max_allowed_packet = ${packet}: of mail that comes at the same time it refuses what is more together. Set it to ${LEAST_PACKET} or more.`,
      );
    return faults;
  }

  isThere(error: unknown): boolean {
    return THERE.includes(numberOf(error));
  }

  isUnavailable(error: unknown): boolean {
    const { fatal, code } = error as { readonly fatal?: unknown; readonly code?: unknown };
    if (fatal === true || UNAVAILABLE.includes(numberOf(error))) return true;
    if (typeof code === 'string') return /^(E[A-Z]{4,}|PROTOCOL_)/.test(code) && !code.startsWith('ER_');
    return error instanceof Error && error.message.includes('closed state');
  }

  /** Until it is ready, it does not listen. */
  isStarting(): boolean {
    return false;
  }

  isFull(error: unknown): boolean {
    return numberOf(error) === TOO_MANY;
  }

  isCancelled(error: unknown): boolean {
    return CANCELLED.includes(numberOf(error));
  }

  advice(error: unknown): string | undefined {
    const { code } = (error instanceof AggregateError ? error.errors[0] : error) as { readonly code?: string };
    return ADVICE.find(([pattern]) => pattern.test(code ?? ''))?.[1];
  }
}

function numberOf(error: unknown): number {
  return Number((error as { readonly errno?: unknown } | null)?.errno);
}

/** What the longest statement takes, twice: see `maxOctets` of the dialect. */
const LEAST_PACKET = 2 * mysqlDialect.maxOctets;

/** Table, index, or row with that key. */
const THERE: readonly number[] = [1050, 1061, 1062];
const TOO_MANY = 1040;
/** KILL QUERY, max_statement_time of MariaDB, max_execution_time of MySQL. */
const CANCELLED: readonly number[] = [1317, 1969, 3024];
/** Too many sessions, no memory, disk full, no login, no such database, shutting down, blocked, only for reading, table full, killed. */
const UNAVAILABLE: readonly number[] = [
  1040, 1041, 1021, 1044, 1045, 1049, 1053, 1114, 1129, 1130, 1290, 1792, 1836, 1927,
];

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /^ECONNREFUSED|^ER_SERVER_SHUTDOWN/,
    'Start the server, or correct host and port: what runs goes on by itself then.',
  ],
  [/^ENOTFOUND|^EAI_AGAIN/, 'Correct the host.'],
  [CERTIFICATE_CODES, CERTIFICATE_ADVICE],
  [/^ER_(ACCESS_DENIED|DBACCESS_DENIED|HOST_NOT_PRIVILEGED)/, 'Correct user and password, or what the user may do.'],
  [/^ER_BAD_DB/, 'Make it with CREATE DATABASE.'],
  [/^ER_CON_COUNT/, 'Raise max_connections, or lower connections= in the URL.'],
  [/^ER_(DISK_FULL|RECORD_FILE_FULL)/, 'Free space on its disk; it goes on by itself then.'],
  [
    /^ER_(QUERY_INTERRUPTED|STATEMENT_TIMEOUT|QUERY_TIMEOUT)/,
    'Somebody cancelled it, or a time limit of the server (max_statement_time) is too short for it.',
  ],
  [/^ER_(OPTION_PREVENTS|READ_ONLY)|READ_ONLY_MODE/, 'The server only reads, it may be a replica: name the primary.'],
];
