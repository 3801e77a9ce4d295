/** A session with PostgreSQL by the pg package. */
import type { Socket } from 'node:net';
import type { Client } from 'pg';
import type { Result, Value } from './database.ts';
import type { Session } from './network-session.ts';
import { PostgresQueries } from './postgres-queries.ts';

/** A server that is away does not say goodbye: so long it is waited for, ms. */
const FAREWELL = 300;

export class PostgresSession implements Session {
  readonly #client: Client;
  readonly #queries: PostgresQueries;
  #usable = true;

  constructor(client: Client, prepare: boolean) {
    this.#client = client;
    this.#queries = new PostgresQueries(client, prepare);
    client.on('error', () => {
      this.#usable = false;
    });
    client.on('end', () => {
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
    await this.#client.query(sql);
  }

  hold(active: boolean): void {
    // The types of pg do not have them.
    const { ref, unref } = this.#client as unknown as { ref(): void; unref(): void };
    (active ? ref : unref).call(this.#client);
  }

  async end(): Promise<void> {
    this.#usable = false;
    // Whoever waits for the end must not find the process gone before it.
    this.hold(true);
    const late = setTimeout(() => this.#stream.destroy(), FAREWELL);
    await this.#client.end().catch(() => undefined);
    clearTimeout(late);
  }

  /** The types of pg do not have it. */
  get #stream(): Socket {
    return (this.#client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;
  }
}

/** A pool tells its clients numbers of its own for their sessions. */
export async function isPooled(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ readonly pid: number }>('SELECT pg_backend_pid() AS pid');
  // The types of pg do not have it.
  return rows[0]?.pid !== (client as unknown as { readonly processID: number | null }).processID;
}
