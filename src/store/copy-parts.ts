/** What a copy of a queue is made of: parts that are read by their key, span by span, each of a size that memory holds. */
import type { Queries, Row, Value } from './database.ts';

/** Tables that are read along one key: what stands in them between two keys belongs together. */
export interface Part {
  readonly key: string;
  /** The one with a row for each key comes first. */
  readonly tables: readonly { readonly name: string; readonly order: string }[];
  /** Contents in chunks belong to it: they go one by one. */
  readonly chunked: boolean;
}

export const MESSAGES: Part = {
  key: 'id',
  tables: [
    { name: 'posthaste_messages', order: 'id' },
    { name: 'posthaste_deliveries', order: 'id, ordinal' },
    { name: 'posthaste_attempts', order: 'id, token, ordinal' },
  ],
  chunked: true,
};

const RELAYS: Part = { key: 'relay', tables: [{ name: 'posthaste_relays', order: 'relay' }], chunked: false };

const SUPPRESSIONS: Part = {
  key: 'target',
  tables: [{ name: 'posthaste_suppressions', order: 'target' }],
  chunked: false,
};

const AUDIT: Part = { key: 'id', tables: [{ name: 'posthaste_audit', order: 'id' }], chunked: false };

const KEYS: Part = { key: 'submit_key', tables: [{ name: 'posthaste_keys', order: 'submit_key' }], chunked: false };

const WEBHOOKS: Part = { key: 'name', tables: [{ name: 'posthaste_webhooks', order: 'name' }], chunked: false };

const WEBHOOK_EVENTS: Part = {
  key: 'id',
  tables: [{ name: 'posthaste_webhook_events', order: 'id' }],
  chunked: false,
};

/** Mail comes last: what suppresses it and what its relays are held to is there before. */
export const PARTS: readonly Part[] = [RELAYS, SUPPRESSIONS, AUDIT, WEBHOOKS, WEBHOOK_EVENTS, KEYS, MESSAGES];

/** Behind `from` (null: from the first) up to and with `to` (null: to the last). */
export interface Span {
  readonly from: Value;
  readonly to: Value;
  /** Keys in it. */
  readonly count: number;
}

/** Rows of the first table in a span, at most. */
const MOST = 200;
/** A message with its content and its rows counts as many octets; a span ends where these are together, or after its first message. */
const OCTETS = 4 * 1024 * 1024;
const ROW_OCTETS = 1_000;

export function headOf({ tables }: Part): string {
  return (tables[0] as Part['tables'][number]).name;
}

/** All spans of what stands behind `from`, and an open one for what comes behind the last. */
export async function* spansOf(queries: Queries, part: Part, from: Value = null): AsyncGenerator<Span, void> {
  for (let begin = from; ; ) {
    const keys = await nextKeys(queries, part, begin);
    const to = keys.at(-1) ?? null;
    yield { from: begin, to, count: keys.length };
    if (to === null) return;
    begin = to;
  }
}

async function nextKeys(queries: Queries, part: Part, from: Value): Promise<readonly Value[]> {
  const { sql, values } = within(part.key, { from, to: null });
  const weight = part.chunked ? WEIGHT : `${ROW_OCTETS}`;
  const text = `SELECT ${part.key} AS place, ${weight} AS octets FROM ${headOf(part)} WHERE ${sql} ORDER BY ${part.key} LIMIT ${MOST}`;
  const { rows } = await queries.query(text, values);
  const keys: Value[] = [];
  let octets = 0;
  for (const row of rows) {
    octets += row.octets as number;
    if (keys.length > 0 && octets > OCTETS) break;
    keys.push(row.place as Value);
  }
  return keys;
}

const weightOf = (table: string): string =>
  `(SELECT COUNT(*) FROM ${table} x WHERE x.id = posthaste_messages.id) * ${ROW_OCTETS}`;

/** Chunks are never in memory together, so that they do not count. */
const WEIGHT =
  `CASE WHEN chunks > 0 THEN 0 ELSE size END + ${ROW_OCTETS} + ` +
  `${weightOf('posthaste_deliveries')} + ${weightOf('posthaste_attempts')}`;

/** The condition that a key lies in the span. */
export function within(key: string, { from, to }: Pick<Span, 'from' | 'to'>): { sql: string; values: Value[] } {
  const conditions = [...(from === null ? [] : [`${key} > ?`]), ...(to === null ? [] : [`${key} <= ?`])];
  return {
    sql: conditions.length === 0 ? '1 = 1' : conditions.join(' AND '),
    values: [from, to].filter((value) => value !== null),
  };
}

/** The rows of each table of the part, in the order of its tables. */
export async function rowsOf(queries: Queries, part: Part, span: Span): Promise<readonly (readonly Row[])[]> {
  const { sql, values } = within(part.key, span);
  const found: (readonly Row[])[] = [];
  for (const { name, order } of part.tables)
    found.push((await queries.query(`SELECT * FROM ${name} WHERE ${sql} ORDER BY ${order}`, values)).rows);
  return found;
}

/** The greatest key that is there; null: none is. */
export async function lastKey(queries: Queries, part: Part): Promise<Value> {
  const { rows } = await queries.query(
    `SELECT ${part.key} AS place FROM ${headOf(part)} ORDER BY ${part.key} DESC LIMIT 1`,
    [],
  );
  return rows[0]?.place ?? null;
}

export async function countOf(queries: Queries, table: string): Promise<number> {
  return Number((await queries.query(`SELECT COUNT(*) AS n FROM ${table}`, [])).rows[0]?.n);
}

export interface Chunk {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** The chunks of a content from `sequence` on, one at a time. */
export async function* chunksOf(queries: Queries, id: Value, sequence = 0): AsyncGenerator<Chunk, void> {
  const sql = 'SELECT sequence, bytes FROM posthaste_contents WHERE id = ? AND sequence >= ? ORDER BY sequence LIMIT 1';
  for (let next = sequence; ; ) {
    const [row] = (await queries.query(sql, [id, next])).rows;
    if (row === undefined) return;
    yield { sequence: row.sequence as number, bytes: row.bytes as Uint8Array };
    next = (row.sequence as number) + 1;
  }
}
