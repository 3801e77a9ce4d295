/** Brings the tables to the version this program knows, once, however many processes start at the same time. */
import { PosthasteError } from '../errors.ts';
import type { Database, Queries } from './database.ts';
import type { Dialect } from './dialect.ts';
import { MIGRATIONS } from './schema.ts';

/** Applies what is missing and answers with the version from before. `where` names the database in errors. */
export async function migrate(database: Database, dialect: Dialect, where: string): Promise<number> {
  return database.transaction(async (tx) => {
    await tx.query('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY)', []);
    const before = await versionOf(tx);
    refuseNewer(before, where);
    for (const [i, statements] of MIGRATIONS.entries()) {
      if (i < before) continue;
      for (const sql of statements(dialect)) await tx.query(sql, []);
      await tx.query('INSERT INTO schema_version (version) VALUES (?)', [i + 1]);
    }
    return before;
  });
}

async function versionOf(queries: Queries): Promise<number> {
  const { rows } = await queries.query('SELECT MAX(version) AS version FROM schema_version', []);
  return Number(rows[0]?.version ?? 0);
}

function refuseNewer(version: number, where: string): void {
  if (version <= MIGRATIONS.length) return;
  throw new PosthasteError(
    'STORE_NEWER',
    `The database ${where} has schema version ${version}, this posthaste knows versions up to ${MIGRATIONS.length}. ` +
      'A newer posthaste has used it: install that version again, or open another database.',
  );
}
