/**
 * A queue with its history from one database into another, whatever their engines. What stands in the target says how far the copy came, so
 * that one that was broken off goes on; at its end everything is compared, and what differs is copied anew. Until then nobody may work there.
 */
import { createHash } from 'node:crypto';
import type { PosthasteError } from '../errors.ts';
import { STATES, type State } from '../queue/delivery.ts';
import { CRASH_DELAYS } from '../queue/schedule.ts';
import type { Instant } from '../runtime/clock.ts';
import { begin, mayBegin, refused } from './copy-begin.ts';
import { digestOf } from './copy-digest.ts';
import {
  chunksOf,
  countOf,
  headOf,
  lastKey,
  MESSAGES,
  PARTS,
  type Part,
  rowsOf,
  type Span,
  spansOf,
  within,
} from './copy-parts.ts';
import type { Database, Queries, Row, Value } from './database.ts';
import { migrate, UNFINISHED } from './migrate.ts';
import type { OpenDatabase } from './open.ts';
import { idOf } from './rows.ts';
import { reclaim } from './sql-settle.ts';
import { insertRows } from './statements.ts';

export interface CopyProgress {
  readonly phase: 'copy' | 'verify';
  /** Messages. */
  readonly done: number;
  readonly total: number;
}

export interface CopyOptions {
  readonly now: Instant;
  /** Is asked before anything is written, and again before the end: throws where somebody works on either database. */
  readonly mustBeQuiet: () => Promise<void>;
  readonly onProgress: (progress: CopyProgress) => void;
}

export interface CopyReport {
  readonly messages: number;
  /** Deliveries as they were in the source. */
  readonly states: Readonly<Record<State, number>>;
  readonly attempts: number;
  readonly suppressions: number;
  readonly relays: number;
  /** Messages that were there already from a copy that was broken off. */
  readonly resumed: number;
  /** Spans of up to 200 messages that were not as in the source and were copied anew. */
  readonly repaired: number;
  /** Claims of processes that are gone: queued in the target, their attempt counted and logged as crashed. */
  readonly reclaimed: number;
  /** SHA-256 of all that was copied, the same on every engine; null when nothing was. */
  readonly digest: string | null;
}

/** Throws COPY_REFUSED where the target is neither empty nor the same unfinished copy. */
export async function copyQueue(source: OpenDatabase, target: OpenDatabase, options: CopyOptions): Promise<CopyReport> {
  await migrate(source.database, source.dialect, source.shown);
  await options.mustBeQuiet();
  const resumed = await begin(source, target, options.now);
  const sums = await sumsOf(source.database);
  let done = resumed;
  for (const part of PARTS)
    for await (const span of spansOf(source.database, part, await lastKey(target.database, part))) {
      if (span.to === null) continue;
      await copySpan(source, target, part, span);
      if (part !== MESSAGES) continue;
      done += span.count;
      options.onProgress({ phase: 'copy', done, total: sums.messages });
    }
  const { repaired, digest } = await verify(source, target, sums.messages, options);
  await options.mustBeQuiet();
  await mustAgree(source, target);
  const reclaimed = await reclaimAll(target, options);
  await finish(target.database);
  return { ...sums, resumed, repaired, reclaimed, digest };
}

/** What `copyQueue` would copy, and whether it may: writes nothing. `target` null: it is not made yet. */
export async function surveyCopy(
  source: OpenDatabase,
  target: OpenDatabase | null,
  mustBeQuiet: () => Promise<void>,
): Promise<CopyReport> {
  await migrate(source.database, source.dialect, source.shown);
  await mustBeQuiet();
  const begun =
    target === null
      ? 0
      : await mayBegin(source, target).catch((error: unknown) => {
          if (target.dialect.isMissingTable(error)) return 0;
          throw error;
        });
  return { ...(await sumsOf(source.database)), resumed: begun, repaired: 0, reclaimed: 0, digest: null };
}

async function finish(database: Database): Promise<void> {
  const work = async (tx: Queries): Promise<void> => {
    // Of a message that has left the source since a run of ours was broken off in it.
    const orphan = 'NOT EXISTS (SELECT 1 FROM posthaste_messages m WHERE m.id = posthaste_contents.id)';
    await tx.query(`DELETE FROM posthaste_contents WHERE ${orphan}`, []);
    await tx.query('DELETE FROM posthaste_copy', []);
    await tx.query('DELETE FROM posthaste_schema WHERE version = ?', [UNFINISHED]);
  };
  await database.transaction(work, { repeatable: true });
}

/** All rows of a span together or none, and its chunks before them: the greatest key in the target says how far the copy came. */
async function copySpan(source: OpenDatabase, target: OpenDatabase, part: Part, span: Span): Promise<void> {
  const tables = await source.database.snapshot((tx) => rowsOf(tx, part, span));
  for (const { id, chunks } of part.chunked ? (tables[0] ?? []) : [])
    if (chunks !== 0) await copyChunks(source, target, id as Value);
  const work = async (tx: Queries, again: boolean): Promise<void> => {
    if (again && (await hasKey(tx, part, span.to))) return;
    for (const [i, { name }] of part.tables.entries()) await insertAll(tx, target, name, tables[i] ?? []);
  };
  await target.database.transaction(work, { repeatable: true });
}

async function hasKey(tx: Queries, part: Part, key: Value): Promise<boolean> {
  const sql = `SELECT 1 AS one FROM ${headOf(part)} WHERE ${part.key} = ?`;
  return (await tx.query(sql, [key])).rows.length > 0;
}

/** Those that came before the copy was broken off stay. */
async function copyChunks(source: OpenDatabase, target: OpenDatabase, id: Value): Promise<void> {
  const there = await chunkCount(target.database, id);
  for await (const { sequence, bytes } of chunksOf(source.database, id, there))
    await target.database.transaction(
      async (tx, again) => {
        if (again && (await chunkCount(tx, id)) > sequence) return;
        await insertRows(tx, target.dialect, 'posthaste_contents', CHUNK_COLUMNS, [[id, sequence, bytes]]);
      },
      { repeatable: true },
    );
}

const CHUNK_COLUMNS = ['id', 'sequence', 'bytes'];

async function chunkCount(queries: Queries, id: Value): Promise<number> {
  const { rows } = await queries.query('SELECT COUNT(*) AS n FROM posthaste_contents WHERE id = ?', [id]);
  return Number(rows[0]?.n);
}

/** One list for each table: texts of statements are kept by it. */
const columns = new Map<string, readonly string[]>();

async function insertAll(tx: Queries, { dialect }: OpenDatabase, table: string, rows: readonly Row[]): Promise<void> {
  if (rows[0] === undefined) return;
  const names = columns.get(table) ?? Object.keys(rows[0]);
  columns.set(table, names);
  await insertRows(
    tx,
    dialect,
    table,
    names,
    rows.map((row) => names.map((name) => row[name] as Value)),
  );
}

async function verify(
  source: OpenDatabase,
  target: OpenDatabase,
  total: number,
  { onProgress }: CopyOptions,
): Promise<Pick<CopyReport, 'repaired' | 'digest'>> {
  const digests = [];
  let repaired = 0;
  let done = 0;
  for (const part of PARTS)
    for await (const span of spansOf(source.database, part)) {
      const digest = await digestOf(source.database, part, span);
      if (digest !== (await digestOf(target.database, part, span))) {
        await replace(source, target, part, span);
        if (digest !== (await digestOf(target.database, part, span))) throw changing(source);
        repaired++;
      }
      digests.push(digest);
      if (part !== MESSAGES) continue;
      done += span.count;
      onProgress({ phase: 'verify', done, total });
    }
  return { repaired, digest: createHash('sha256').update(digests.join('\n')).digest('hex') };
}

function changing({ shown }: OpenDatabase): PosthasteError {
  return refused(`${shown} changes while it is copied: stop what works on it, and run the same command again`);
}

/** Something worked on the source since it was copied. */
async function replace(source: OpenDatabase, target: OpenDatabase, part: Part, span: Span): Promise<void> {
  const { sql, values } = within(part.key, span);
  const names = [...part.tables.map(({ name }) => name), ...(part.chunked ? ['posthaste_contents'] : [])];
  await target.database.transaction(
    async (tx) => {
      for (const name of names) await tx.query(`DELETE FROM ${name} WHERE ${sql}`, values);
    },
    { repeatable: true },
  );
  await copySpan(source, target, part, span);
}

type Sums = Pick<CopyReport, 'messages' | 'states' | 'attempts' | 'suppressions' | 'relays'>;

async function sumsOf(database: Database): Promise<Sums> {
  const { rows } = await database.query('SELECT state, COUNT(*) AS n FROM posthaste_deliveries GROUP BY state', []);
  const found = new Map(rows.map(({ state, n }) => [state, Number(n)]));
  return {
    messages: await countOf(database, 'posthaste_messages'),
    states: Object.fromEntries(STATES.map((state) => [state, found.get(state) ?? 0])) as Record<State, number>,
    attempts: await countOf(database, 'posthaste_attempts'),
    suppressions: await countOf(database, 'posthaste_suppressions'),
    relays: await countOf(database, 'posthaste_relays'),
  };
}

async function mustAgree(source: OpenDatabase, target: OpenDatabase): Promise<void> {
  const [was, is] = [await sumsOf(source.database), await sumsOf(target.database)];
  if (JSON.stringify(was) !== JSON.stringify(is)) throw changing(source);
}

/** Nobody works on the source, so nobody holds what is being sent there. */
async function reclaimAll({ database, dialect }: OpenDatabase, { now }: CopyOptions): Promise<number> {
  const sql = "SELECT DISTINCT holder FROM posthaste_deliveries WHERE state = 'sending' AND holder IS NOT NULL";
  const holders = (await database.query(sql, [])).rows.map(({ holder }) => idOf(holder));
  return holders.length === 0 ? 0 : reclaim(database, dialect, now, holders, CRASH_DELAYS);
}
