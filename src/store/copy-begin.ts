/** How a copy begins: what it may write into, its tables, and the mark that keeps all others away until it is finished. */
import { PosthasteError } from '../errors.ts';
import type { Instant } from '../runtime/clock.ts';
import { countOf, headOf, PARTS } from './copy-parts.ts';
import type { Queries } from './database.ts';
import { addVersion, applyAll, migrate, UNFINISHED } from './migrate.ts';
import type { OpenDatabase } from './open.ts';
import { MIGRATIONS } from './schema.ts';
import { IDENTITY } from './sql-store.ts';

/** Marks the target and answers how many messages an earlier run has brought already. From here on no other posthaste opens it. */
export async function begin(source: OpenDatabase, target: OpenDatabase, now: Instant): Promise<number> {
  await makeTables(target);
  const resumed = await mayBegin(source, target);
  const own = await identityOf(source);
  const work = async (tx: Queries): Promise<void> => {
    if ((await tx.query('SELECT source FROM posthaste_copy', [])).rows.length > 0) return;
    await tx.query('INSERT INTO posthaste_copy (source, began_at) VALUES (?, ?)', [own, now]);
    if (!(await versionsOf(tx)).has(UNFINISHED)) await addVersion(tx, UNFINISHED);
  };
  await target.database.transaction(work, { repeatable: true });
  return resumed;
}

/** Answers how many messages an earlier run has brought already. */
export async function mayBegin(source: OpenDatabase, target: OpenDatabase): Promise<number> {
  const own = await identityOf(source);
  if (own === (await identityOf(target))) throw refused(`${source.shown} cannot be copied onto itself`);
  const { rows } = await target.database.query('SELECT source FROM posthaste_copy', []);
  const there = await countOf(target.database, 'posthaste_messages');
  if (rows[0]?.source === own) return there;
  if (rows.length > 0)
    throw refused(`${target.shown} is an unfinished copy of another queue: finish that one, or give an empty database`);
  for (const table of ['posthaste_staging', 'posthaste_contents', ...PARTS.map(headOf)])
    if ((await target.database.query(`SELECT 1 AS one FROM ${table} LIMIT 1`, [])).rows.length > 0)
      throw refused(`${target.shown} is in use: ${table} has rows. A queue is copied into an empty database only`);
  return 0;
}

export function refused(why: string): PosthasteError {
  return new PosthasteError('COPY_REFUSED', `${why}.`);
}

async function identityOf({ database }: OpenDatabase): Promise<string> {
  return String((await database.query(IDENTITY, [])).rows[0]?.place);
}

/** An empty database has its mark before its tables: where they cannot be made in a transaction, a copy that is killed meanwhile leaves no queue. */
async function makeTables({ database, dialect, shown }: OpenDatabase): Promise<void> {
  const found = await versionsOf(database).catch((error: unknown) => {
    if (dialect.isMissingTable(error)) return new Set<number>();
    throw error;
  });
  if (found.size > 0 && !found.has(UNFINISHED)) await migrate(database, dialect, shown);
  else if (found.size <= MIGRATIONS.length) await database.alone((tx) => makeMarked(tx, dialect));
}

/** Some of it may be there: of a copy that was killed. */
async function makeMarked(tx: Queries, dialect: OpenDatabase['dialect']): Promise<void> {
  await tx.query('CREATE TABLE IF NOT EXISTS posthaste_schema (version INTEGER NOT NULL PRIMARY KEY)', []);
  const there = await versionsOf(tx);
  if (!there.has(UNFINISHED)) await addVersion(tx, UNFINISHED);
  await applyAll(tx, dialect, (version) => there.has(version));
}

async function versionsOf(queries: Queries): Promise<ReadonlySet<number>> {
  const { rows } = await queries.query('SELECT version FROM posthaste_schema', []);
  return new Set(rows.map(({ version }) => Number(version)));
}
