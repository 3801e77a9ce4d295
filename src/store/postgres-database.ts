/** PostgreSQL by the pg package: how clients and transactions begin, and what may stand between here and the server. */
import type { Client, ClientConfig } from 'pg';
import { PosthasteError } from '../errors.ts';
import type { Queries } from './database.ts';
import { type Driver, NetworkDatabase, type Wire } from './network-database.ts';
import type { Session } from './network-session.ts';
import { CERTIFICATE_ADVICE, CERTIFICATE_CODES, type NetworkUrl, type Place } from './network-url.ts';
import { postgresDialect } from './postgres-dialect.ts';
import { isPooled, PostgresSession } from './postgres-session.ts';
import { PostgresWire } from './postgres-wire.ts';

/** After so long without an answer the way to the server is taken for lost, ms. */
const CONNECT_TIMEOUT = 10_000;
/** The network is asked whether it is still there after so long a silence, ms. */
const KEEP_ALIVE = 10_000;
/** The lock of those who change the tables: "posthaste", as a number of 64 bits. */
const MIGRATION_LOCK = '8101822355204338533';

/** What a host locked that the network cut off in the middle of a transaction is free again after so long, ms: it will never say that it is gone. */
const LOST_TRANSACTION = 15_000;

/**
 * A plan that was made for any values while the queue was empty goes through all of it when it is full, until its statistics are renewed: a
 * claim and settlement of 50 took 1.5 s with 100,000 waiting, and 0.05 s with plans of their own (as with 1,000).
 */
const SETTINGS = Object.entries({
  plan_cache_mode: 'force_custom_plan',
  jit: 'off',
  idle_in_transaction_session_timeout: LOST_TRANSACTION,
});
const AT_THE_START = SETTINGS.map(([name, value]) => `-c ${name}=${value}`).join(' ');
const AFTERWARDS = SETTINGS.map(([name, value]) => `SET ${name} = ${value}`).join('; ');

const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE';

type Pg = typeof import('pg');

/** Loads the driver, which need not be installed. */
async function loadPg(): Promise<Pg['default']> {
  try {
    return (await import('pg')).default;
  } catch (error) {
    const text =
      'PostgreSQL needs the package pg beside posthaste: npm install pg (npm install --global pg for a global one).';
    throw new PosthasteError('STORE_UNAVAILABLE', text, { cause: error });
  }
}

export async function openPostgres(url: NetworkUrl): Promise<NetworkDatabase> {
  const { Client } = await loadPg();
  return new NetworkDatabase(new PostgresDriver(url, (place, settings) => new Client(configOf(url, place, settings))));
}

type NewClient = (place: Place, settings: string | null) => Client;

function configOf(url: NetworkUrl, { host, port, database }: Place, settings: string | null): ClientConfig {
  return {
    host,
    port,
    database,
    ...(url.user !== undefined && { user: url.user }),
    ...(url.password !== undefined && { password: url.password }),
    ssl: url.tls ?? false,
    application_name: 'posthaste',
    ...(settings !== null && { options: settings }),
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE,
  };
}

class PostgresDriver implements Driver {
  readonly dialect = postgresDialect;
  readonly shown: string;
  readonly connections: number;
  readonly beginSnapshot = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';
  /** The lock ends with the transaction, which the work on tables is part of. */
  readonly alone = { begin: `${BEGIN}; SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`, end: 'COMMIT' };
  readonly askTime = 'SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint AS now';
  readonly wire: Wire;
  readonly #url: NetworkUrl;
  readonly #newClient: NewClient;
  /** Whether a session lasts for a transaction only. */
  #pooled: boolean;
  /** Asked once: with each further session it would make a slow server slower. */
  #isKnown: boolean;

  constructor(url: NetworkUrl, newClient: NewClient) {
    this.shown = url.shown;
    this.connections = url.connections;
    this.#url = url;
    this.#newClient = newClient;
    this.#pooled = url.prepare === false;
    this.#isKnown = url.prepare !== null;
    const { listen } = url;
    this.wire = new PostgresWire(
      () => newClient(listen ?? url, null),
      () => listen !== null || !this.#pooled,
    );
  }

  async connect(): Promise<Session> {
    const client = await this.#connectedClient();
    // A pool of whole sessions keeps no settings that a client begins with.
    if (this.#url.prepare === true) await client.query(AFTERWARDS);
    if (!this.#isKnown) this.#pooled ||= await isPooled(client);
    this.#isKnown = true;
    return new PostgresSession(client, !this.#pooled);
  }

  async #connectedClient(): Promise<Client> {
    const settings = this.#pooled || this.#url.prepare === true ? null : AT_THE_START;
    const client = this.#newClient(this.#url, settings);
    // Until there is a session that hears it.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (settings === null || !refusesSettings(error)) throw error;
      this.#pooled = true;
      return this.#connectedClient();
    }
  }

  /** Whatever the server's settings: a commit that is acknowledged is on disk, but for claims. */
  begin(commit: 'synced' | 'riding' | 'unsynced'): string {
    if (commit === 'unsynced') return `${BEGIN}; SET LOCAL synchronous_commit = off`;
    return `${BEGIN}; SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`;
  }

  async faultsOf(queries: Queries): Promise<readonly string[]> {
    const of = (name: string): string => `current_setting('${name}')`;
    const sql = `SELECT ${of('server_encoding')} AS encoding, ${of('fsync')} AS fsync, ${of('full_page_writes')} AS pages`;
    const settings = (await queries.query(sql, [])).rows[0];
    if (settings?.encoding !== 'UTF8') {
      const text = `The database ${this.shown} is encoded in ${settings?.encoding}, which cannot keep all mail: make it with createdb --encoding=UTF8 --template=template0.`;
      throw new PosthasteError('CONFIG_INVALID', text);
    }
    const off = Object.entries({ fsync: settings.fsync, full_page_writes: settings.pages }).filter(
      ([, is]) => is === 'off',
    );
    const losing = off.map(
      ([name]) => `PostgreSQL runs with ${name} = off: mail that was accepted is lost when its machine crashes.`,
    );
    return [...losing, ...(await this.#deafness())];
  }

  /** Why workers are not woken. */
  async #deafness(): Promise<readonly string[]> {
    const { listen } = this.#url;
    if (listen === null)
      return this.#pooled ? [`${POOLED} ${LOOKING} Name the server itself with listen=HOST:PORT in the URL.`] : [];
    const client = this.#newClient(listen, null);
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await isPooled(client))
        ? [`Behind listen=${listen.host}:${listen.port} stands a pool too. ${LOOKING}`]
        : [];
    } catch (error) {
      return [`The server of listen=${listen.host}:${listen.port} cannot be reached (${textOf(error)}). ${LOOKING}`];
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  isThere(): boolean {
    return false;
  }

  isUnavailable(error: unknown): boolean {
    return (
      UNAVAILABLE.test(codeOf(error)) ||
      /^(Connection terminated|Client (has encountered|was closed)|timeout expired)/.test(textOf(error))
    );
  }

  isStarting(error: unknown): boolean {
    return codeOf(error) === '57P03';
  }

  isFull(error: unknown): boolean {
    return codeOf(error) === '53300';
  }

  isCancelled(error: unknown): boolean {
    return codeOf(error) === '57014';
  }

  advice(error: unknown): string | undefined {
    if (/^timeout expired/.test(textOf(error))) return UNANSWERED;
    return ADVICE.find(([pattern]) => pattern.test(codeOf(error)))?.[1];
  }
}

const UNANSWERED =
  'Look whether the server hangs, and whether the network lets through: what runs goes on by itself then.';

/**
 * Connection lost, no login, no such database, no resources, stopped, only for reading (0A000 is what a standby says to a transaction that would
 * write), broken; and what the network says.
 */
const UNAVAILABLE = /^(08|28|3D000|53|57P|25006|0A000|58|XX001|XX002|E[A-Z]{4,})/;

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED/, 'Start the server, or correct host and port: what runs goes on by itself then.'],
  [/^57P03/, 'Wait until the server has started: what runs goes on by itself then.'],
  [/^ENOTFOUND|^EAI_AGAIN/, 'Correct the host.'],
  [CERTIFICATE_CODES, CERTIFICATE_ADVICE],
  [/^28/, 'Correct user and password, or the rules for logins (pg_hba.conf).'],
  [/^3D000/, 'Make it with createdb, encoded in UTF8.'],
  [/^53300/, 'Raise max_connections, or lower connections= in the URL.'],
  [/^53100/, 'Free space on its disk; it goes on by itself then.'],
  [/^57014/, 'Somebody cancelled it, or statement_timeout of the server is too short for it.'],
  [/^(25006|0A000)/, 'The server only reads, it may be a replica that is not promoted yet: name the primary, or wait.'],
];

const POOLED =
  'Between here and PostgreSQL stands a pool of sessions, such as pgbouncer: statements are not kept prepared.';
const LOOKING = 'Workers are not woken by what other processes submit, and look for it up to four times a second.';

/** As pools do. */
function refusesSettings(error: unknown): boolean {
  return /unsupported startup parameter/.test(textOf(error));
}

function codeOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const code = (first as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}
