/** What the store needs of a transaction that the application began with a library of its own. */
import { PosthasteError } from '../../errors.ts';
import type { Result, Row, Value } from '../database.ts';
import { numbered, sendable } from '../postgres-queries.ts';

export type Engine = 'SQLite' | 'PostgreSQL' | 'MySQL';

interface AnyCaller {
  /** For people: `Kysely transaction`. */
  readonly name: string;
  /** Absent: it may be any. */
  readonly engine?: Engine;
  /** Whether a transaction is open; undefined where the library does not tell. */
  isOpen(): boolean | undefined;
}

/** Texts have `?` for each value. */
export interface AsyncCaller extends AnyCaller {
  query(sql: string, values: readonly Value[]): Promise<Result>;
}

/** A connection that answers at once. */
export interface SyncCaller extends AnyCaller {
  run(sql: string, values: readonly Value[]): Result;
}

export type Caller = AsyncCaller | SyncCaller;

/**
 * Finds out whether a handle is one of its library's; undefined: it is not. The engine is that of the queue. `driverOf` recognises the
 * connection of a driver below a library of this name.
 */
export type Recogniser = (
  handle: object,
  engine: Engine,
  driverOf: (connection: object, name: string) => Caller,
) => Caller | Promise<Caller> | undefined;

/** Nothing may be written outside of a transaction: it would be kept at once, and by itself. */
export function notOpen(name: string, cause?: unknown): PosthasteError {
  const text = `The ${name} has no transaction open: begin one first, or leave out transaction.`;
  return new PosthasteError('TRANSACTION_NOT_OPEN', text, { cause });
}

/** The handle is known, and no transaction: a pool, or the object from which transactions are begun. */
export function noTransaction(what: string, instead: string): PosthasteError {
  return new PosthasteError('TRANSACTION_NOT_OPEN', `The transaction is ${what}: give ${instead}.`);
}

/** A statement with the placeholders and values of the engine, for libraries that hand both on as they are. */
export function inEngine(sql: string, values: readonly Value[], engine: Engine): [text: string, values: Value[]] {
  return engine === 'PostgreSQL' ? [numbered(sql), values.map(sendable)] : [sql, [...values]];
}

/** Whether a statement answers with rows. */
export function reads(sql: string): boolean {
  return sql.startsWith('SELECT');
}

/** Bytes as a Buffer, which every library knows for what it is. */
export function buffered(values: readonly Value[]): (string | number | Buffer | null)[] {
  return values.map((value) => (value instanceof Uint8Array ? bufferOf(value) : value));
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Columns of bytes, as far as they are read in transactions of applications. */
const BYTES: readonly string[] = ['id', 'key_digest'];

/** Rows as the store expects them, whatever the application has its library make of numbers, of bytes, and of the names of columns. */
export function plainRows(rows: readonly object[]): Row[] {
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(plain)));
}

function plain([shown, value]: [string, unknown]): [string, Value] {
  const name = snake(shown);
  if (typeof value === 'bigint') return [name, Number(value)];
  if (value instanceof ArrayBuffer) return plain([shown, new Uint8Array(value)]);
  // Names are octets to MySQL, and texts to us.
  if (value instanceof Uint8Array && !BYTES.includes(name)) return [name, bufferOf(value).toString()];
  const asText = typeof value === 'string' && BYTES.includes(name) && value.startsWith('\\x');
  return [name, asText ? Buffer.from(value.slice(2), 'hex') : (value as Value)];
}

/** The column's own name, where it is shown as `submitKey`, `SubmitKey` or `submit-key`. */
export function snake(name: string): string {
  return name
    .replaceAll(/(?<=[a-z0-9])[A-Z]/g, '_$&')
    .replaceAll('-', '_')
    .toLowerCase();
}
