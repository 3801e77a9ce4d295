/** Brings the tables to the version this program knows, once, however many processes start at the same time. */
import { PosthasteError } from '../errors.ts';
import type { Database, Queries } from './database.ts';
import type { Dialect } from './dialect.ts';
import { MIGRATIONS } from './schema.ts';

/** Stands among the versions of a database that is an unfinished copy of another one, so that no posthaste works on it. */
export const UNFINISHED = 2_000_000_000;

/**
 * Applies what is missing and answers with the version from before. `where` names the database in errors. Where nothing is missing it
 * only reads: who runs posthaste need not be allowed to change tables.
 */
export async function migrate(database: Database, dialect: Dialect, where: string): Promise<number> {
  const found = await versionOf(database).catch((error: unknown) => {
    if (dialect.isMissingTable(error)) return 0;
    throw error;
  });
  refuseNewer(found, where);
  return found === MIGRATIONS.length ? found : database.alone((tx) => applyMissing(tx, dialect, where));
}

async function applyMissing(tx: Queries, dialect: Dialect, where: string): Promise<number> {
  await tx.query('CREATE TABLE IF NOT EXISTS posthaste_schema (version INTEGER NOT NULL PRIMARY KEY)', []);
  const before = await versionOf(tx);
  refuseNewer(before, where);
  await applyAll(tx, dialect, (version) => version <= before);
  return before;
}

/** Each migration that is not there yet, with its version. */
export async function applyAll(tx: Queries, dialect: Dialect, isThere: (version: number) => boolean): Promise<void> {
  for (const [i, statements] of MIGRATIONS.entries()) {
    if (isThere(i + 1)) continue;
    for (const sql of statements(dialect)) await tx.query(sql, []);
    await addVersion(tx, i + 1);
  }
}

export async function addVersion(tx: Queries, version: number): Promise<void> {
  await tx.query('INSERT INTO posthaste_schema (version) VALUES (?)', [version]);
}

async function versionOf(queries: Queries): Promise<number> {
  const { rows } = await queries.query('SELECT MAX(version) AS version FROM posthaste_schema', []);
  return Number(rows[0]?.version ?? 0);
}

function refuseNewer(version: number, where: string): void {
  if (version <= MIGRATIONS.length) return;
  if (version === UNFINISHED)
    throw new PosthasteError(
      'STORE_UNAVAILABLE',
      `The database ${where} is an unfinished copy of another one: run the same posthaste copy again, which finishes it.`,
    );
  throw new PosthasteError(
    'STORE_NEWER',
    `The database ${where} has schema version ${version}, this posthaste knows versions up to ${MIGRATIONS.length}. ` +
      'A newer posthaste has used it: install that version again, or open another database.',
  );
}
