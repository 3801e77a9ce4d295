/** The list of addresses and domains to which nothing is sent. */
import { type Address, addressKey, domainOf } from '../mail/address.ts';
import type { Suppression } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Database, Queries } from './database.ts';
import type { Dialect } from './dialect.ts';
import { suppressionOf } from './rows.ts';
import { inKeys, insertRows, queryByKeys } from './statements.ts';

const COLUMNS = ['target', 'reason', 'since', 'until_at', 'note'];

/** Asks once for many recipients. `since` is for people: what stands in the list holds, also where clocks differ. */
export async function suppressedAmong(
  tx: Queries,
  recipients: readonly Address[],
  now: Instant,
): Promise<(recipient: Address) => boolean> {
  const { rows: any } = await tx.query('SELECT target FROM suppressions LIMIT 1', []);
  if (any.length === 0) return () => false;
  const targets = new Set(recipients.flatMap((recipient) => [addressKey(recipient), `@${domainOf(recipient)}`]));
  const lists = inKeys('target', [...targets]);
  const select = 'SELECT target FROM suppressions WHERE (until_at IS NULL OR until_at > ?) AND ';
  const { rows } = await queryByKeys(tx, lists, (keys) => select + keys, [now]);
  const found = new Set(rows.map((row) => row.target));
  return (recipient) => found.has(addressKey(recipient)) || found.has(`@${domainOf(recipient)}`);
}

/** A target that is in the list already gets the new entry. */
export async function suppress(database: Database, dialect: Dialect, entries: readonly Suppression[]): Promise<void> {
  const byTarget = new Map(entries.map((entry) => [entry.target.toLowerCase(), entry]));
  const rows = [...byTarget].map(([target, entry]) => [target, entry.reason, entry.since, entry.until, entry.note]);
  await database.transaction(async (tx) => {
    await remove(tx, [...byTarget.keys()]);
    await insertRows(tx, dialect, 'suppressions', COLUMNS, rows);
  });
}

export async function unsuppress(database: Database, targets: readonly string[]): Promise<number> {
  const lower = [...new Set(targets.map((target) => target.toLowerCase()))];
  return database.transaction((tx) => remove(tx, lower));
}

async function remove(tx: Queries, targets: readonly string[]): Promise<number> {
  const lists = inKeys('target', targets);
  return (await queryByKeys(tx, lists, (keys) => `DELETE FROM suppressions WHERE ${keys}`)).changed;
}

/** In the order of their targets. */
export async function suppressions(
  database: Database,
  page: { readonly limit: number; readonly cursor?: string },
): Promise<{ readonly rows: readonly Suppression[]; readonly cursor: string | null }> {
  const sql = `SELECT ${COLUMNS.join(', ')} FROM suppressions WHERE target > ? ORDER BY target LIMIT ?`;
  const { rows } = await database.query(sql, [page.cursor ?? '', page.limit]);
  const last = rows.length < page.limit ? undefined : rows.at(-1);
  return { rows: rows.map(suppressionOf), cursor: (last?.target as string | undefined) ?? null };
}
