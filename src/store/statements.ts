/** Texts of statements over many rows: few different ones, so that the engines can keep them prepared. */
import type { Queries, Row, Value } from './database.ts';
import type { ColumnType, Dialect } from './dialect.ts';
import { ask, carryOut, type Steps } from './steps.ts';

/** Rows in one statement: beyond this a longer text gains nothing (SQLite: 15 microseconds a row at 32 and at 128). */
const MAX_ROWS = 128;

/** Cuts a list into slices whose lengths are powers of two, so that texts by length stay few: 200 is 128 + 64 + 8. */
export function slices<T>(items: readonly T[], valuesPerRow: number, dialect: Dialect): T[][] {
  const most = Math.min(MAX_ROWS, 2 ** Math.floor(Math.log2(dialect.maxValues / valuesPerRow)));
  const result: T[][] = [];
  for (let start = 0; start < items.length; ) {
    const length = Math.min(most, 2 ** Math.floor(Math.log2(items.length - start)));
    result.push(items.slice(start, start + length));
    start += length;
  }
  return result;
}

/** Halves of a slice, until each has no more octets than one statement may. */
function bounded(rows: (readonly Value[])[], dialect: Dialect): (readonly Value[])[][] {
  if (rows.length === 1 || dialect.maxOctets === Number.POSITIVE_INFINITY) return [rows];
  if (rows.reduce((sum, row) => sum + octetsOf(row), 0) <= dialect.maxOctets) return [rows];
  const half = rows.length / 2;
  return [...bounded(rows.slice(0, half), dialect), ...bounded(rows.slice(half), dialect)];
}

/** At most: a character has up to three octets for each of its UTF-16 units. */
function octetsOf(row: readonly Value[]): number {
  return row.reduce<number>((sum, value) => {
    if (typeof value === 'string') return sum + 3 * value.length;
    return sum + (value instanceof Uint8Array ? value.byteLength : 0);
  }, 0);
}

function repeat(text: string, times: number): string {
  return Array(times).fill(text).join(', ');
}

/** `(?, ?, ?)` for one row. */
function tuple(width: number): string {
  return `(${repeat('?', width)})`;
}

/** Texts that were made before, by their number of rows: a database knows its prepared statement at once by the same string. */
type Texts = Map<number, string>;
const insertTexts = new WeakMap<
  readonly string[],
  { readonly head: string; readonly suffix: string; readonly texts: Texts }
>();

function insertText(table: string, columns: readonly string[], rows: number, suffix: string): string {
  let made = insertTexts.get(columns);
  if (made === undefined || made.suffix !== suffix) {
    made = { head: `INSERT INTO ${table} (${columns.join(', ')}) VALUES `, suffix, texts: new Map() };
    insertTexts.set(columns, made);
  }
  let text = made.texts.get(rows);
  if (text === undefined) {
    text = made.head + repeat(tuple(columns.length), rows) + suffix;
    made.texts.set(rows, text);
  }
  return text;
}

/** INSERT of many rows into the one table that `columns` belong to; `suffix` follows the values. */
export function insertRows(tx: Queries, ...rows: Parameters<typeof insertRowsSteps>): Promise<void> {
  return carryOut(tx, insertRowsSteps(...rows));
}

export function* insertRowsSteps(
  dialect: Dialect,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly Value[])[],
  suffix = '',
): Steps<void> {
  for (const slice of slices(rows, columns.length, dialect).flatMap((some) => bounded(some, dialect))) {
    yield* ask(insertText(table, columns, slice.length, suffix), slice.flat());
  }
}

/** A condition on a list of keys, as text and values. */
export interface KeyList {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Conditions `column IN (...)` that together cover all keys; a list is filled up to a power of two with its last key. */
export function inKeys(column: string, keys: readonly Value[]): KeyList[] {
  return padded(keys).map((list) => ({ sql: `${column} IN (${repeat('?', list.length)})`, values: list }));
}

/** Conditions `(a, b) IN (...)` for pairs of keys. */
export function inPairs(dialect: Dialect, columns: string, pairs: readonly (readonly [Value, Value])[]): KeyList[] {
  const [open, close] = dialect.tuples;
  return padded(pairs).map((list) => ({
    sql: `(${columns}) IN ${open}${repeat('(?, ?)', list.length)}${close}`,
    values: list.flat(),
  }));
}

function padded<T>(keys: readonly T[]): T[][] {
  const result: T[][] = [];
  for (let start = 0; start < keys.length; start += MAX_ROWS) {
    const list = keys.slice(start, start + MAX_ROWS);
    const length = 2 ** Math.ceil(Math.log2(list.length));
    result.push([...list, ...Array(length - list.length).fill(list.at(-1))]);
  }
  return result;
}

/** All that a statement answered, for all lists of keys. */
interface Joined {
  readonly rows: Row[];
  readonly changed: number;
}

/** Runs a statement once for each list of keys and joins what it answers. `before` are the values that stand before the list. */
export function queryByKeys(tx: Queries, ...query: Parameters<typeof queryByKeysSteps>): Promise<Joined> {
  return carryOut(tx, queryByKeysSteps(...query));
}

export function* queryByKeysSteps(
  lists: readonly KeyList[],
  sql: (condition: string) => string,
  before: readonly Value[] = [],
): Steps<Joined> {
  const rows: Row[] = [];
  let changed = 0;
  for (const list of lists) {
    const result = yield* ask(sql(list.sql), [...before, ...list.values]);
    for (const row of result.rows) rows.push(row);
    changed += result.changed;
  }
  return { rows, changed };
}

export interface RowUpdate {
  readonly table: string;
  /** The columns of the list `v`, with their types. */
  readonly columns: readonly (readonly [name: string, type: ColumnType])[];
  readonly set: string;
  readonly on: string;
}

/** UPDATE of many rows, each with its own values, by one statement for each slice. */
export async function updateRows(
  tx: Queries,
  dialect: Dialect,
  update: RowUpdate,
  rows: readonly (readonly Value[])[],
): Promise<void> {
  for (const slice of slices(rows, update.columns.length, dialect)) {
    await tx.query(updateText(dialect, update, slice.length), slice.flat());
  }
}

const updateTexts = new WeakMap<RowUpdate, { readonly dialect: Dialect; readonly texts: Texts }>();

function updateText(dialect: Dialect, update: RowUpdate, rows: number): string {
  let made = updateTexts.get(update);
  if (made === undefined || made.dialect !== dialect) {
    made = { dialect, texts: new Map() };
    updateTexts.set(update, made);
  }
  let text = made.texts.get(rows);
  if (text === undefined) {
    text = dialect.updateFrom({
      table: update.table,
      columns: update.columns.map(([name]) => name).join(', '),
      row: update.columns.map(([, type]) => dialect.typed[type]).join(', '),
      rows,
      set: update.set,
      on: update.on,
    });
    made.texts.set(rows, text);
  }
  return text;
}
