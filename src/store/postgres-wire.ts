/** LISTEN and NOTIFY: how processes on one PostgreSQL wake each other. Only a hint: who misses one looks by itself a moment later. */
import type { Client } from 'pg';
import type { Wire } from './network-database.ts';

export const CHANNEL = 'posthaste_news';
/** Notifications of one process come no closer together than this, ms: each holds a lock that all of the server share. */
const GATHER = 5;
/** So long a server may take to hear one, ms. */
const PATIENCE = 1_000;
/** After the connection was lost or could not be made: the wait before the next one, ms. */
const RETRY = 1_000;

/** Whether it succeeded in time. */
async function atMost(ms: number, work: Promise<unknown> | undefined): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = Promise.resolve(work).then(
    () => true,
    () => false,
  );
  const result = await Promise.race([done, late]);
  clearTimeout(timer);
  return result;
}

/** What the types of pg do not have. */
interface Untyped {
  readonly processID: number;
  ref(): void;
  unref(): void;
}

export class PostgresWire implements Wire {
  readonly #newClient: () => Client;
  readonly #listens: () => boolean;
  readonly #listeners = new Set<() => void>();
  #client: Promise<Client> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #sending: Promise<void> | undefined;
  /** There was more news while the last was on its way. */
  #more = false;
  #closed = false;

  /** `listens`: whether the clients have sessions of their own. A word to others needs none. */
  constructor(newClient: () => Client, listens: () => boolean) {
    this.#newClient = newClient;
    this.#listens = listens;
  }

  get listens(): boolean {
    return this.#listens();
  }

  /** After a silence at once: a timer takes a millisecond at least. Else once for all that happens in the next milliseconds. */
  notify(): void {
    if (this.#closed || this.#timer !== undefined) return;
    if (this.#sending !== undefined) {
      this.#more = true;
      return;
    }
    const wait = this.#sentAt + GATHER - performance.now();
    if (wait <= 0) void this.#send();
    else this.#timer = setTimeout(() => void this.#send(), wait);
  }

  listen(wake: () => void): () => void {
    this.#listeners.add(wake);
    void this.#connected().catch(() => undefined);
    return () => this.#listeners.delete(wake);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#sending;
    if (this.#timer !== undefined || this.#more) await this.#send();
    const ended = this.#client?.then((client) => {
      (client as unknown as Untyped).ref();
      return client.end();
    });
    await atMost(PATIENCE, ended);
  }

  /** Never rejects. */
  #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#more = false;
    this.#sentAt = performance.now();
    this.#sending = this.#sendOne().then(() => {
      this.#sending = undefined;
      if (this.#more) this.notify();
    });
    return this.#sending;
  }

  /** What is not said is found by those who look; the change itself is safe. */
  async #sendOne(): Promise<void> {
    const said = this.#connected().then((client) => client.query(`NOTIFY ${CHANNEL}`));
    const client = this.#client;
    if (await atMost(PATIENCE, said)) return;
    this.#lost();
    void client?.then((silent) => silent.end()).catch(() => undefined);
  }

  #connected(): Promise<Client> {
    this.#client ??= this.#connect().catch((error: unknown) => {
      this.#lost();
      throw error;
    });
    return this.#client;
  }

  async #connect(): Promise<Client> {
    const client = this.#newClient();
    const own = client as unknown as Untyped;
    client.on('error', () => this.#lost());
    client.on('end', () => this.#lost());
    client.on('notification', ({ processId }) => {
      // Who wrote has told its own workers already.
      if (processId !== own.processID) this.#wake();
    });
    await client.connect();
    own.unref();
    if (!this.listens) return client;
    await client.query(`LISTEN ${CHANNEL}`);
    // Something may have been said while nobody listened.
    this.#wake();
    return client;
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }

  #lost(): void {
    this.#client = undefined;
    if (this.#closed || this.#listeners.size === 0 || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.#connected().catch(() => undefined);
    }, RETRY).unref();
  }
}
