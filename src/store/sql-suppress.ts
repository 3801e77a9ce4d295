/** The list of addresses and domains to which nothing is sent. */
import { type Address, addressKey, domainOf } from '../mail/address.ts';
import type { Suppression } from '../queue/store.ts';
import { suppressionReply } from '../queue/suppression.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Database, Queries, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { suppressionOf } from './rows.ts';
import { inKeys, inPairs, insertRows, queryByKeys } from './statements.ts';

const COLUMNS = ['target', 'reason', 'since', 'until_at', 'note'];

/** Asks once for many recipients. `since` is for people: what stands in the list holds, also where clocks differ. */
export async function suppressedAmong(
  tx: Queries,
  recipients: readonly Address[],
  now: Instant,
): Promise<(recipient: Address) => Suppression | undefined> {
  const { rows: any } = await tx.query('SELECT target FROM suppressions LIMIT 1', []);
  if (any.length === 0) return () => undefined;
  const targets = new Set(recipients.flatMap((recipient) => [addressKey(recipient), `@${domainOf(recipient)}`]));
  const lists = inKeys('target', [...targets]);
  const select = `SELECT ${COLUMNS.join(', ')} FROM suppressions WHERE (until_at IS NULL OR until_at > ?) AND `;
  const { rows } = await queryByKeys(tx, lists, (keys) => select + keys, [now]);
  const found = new Map(rows.map((row) => [row.target, suppressionOf(row)]));
  return (recipient) => found.get(addressKey(recipient)) ?? found.get(`@${domainOf(recipient)}`);
}

/** A delivery that must not be sent: its id and ordinal, and what forbids it. */
export interface Barred {
  readonly key: readonly [Value, Value];
  readonly entry: Suppression;
}

/** To bounced/suppressed, with the reason as the reply. One statement for each entry of the list. */
export async function bounceBarred(
  tx: Queries,
  dialect: Dialect,
  barred: readonly Barred[],
  now: Instant,
): Promise<void> {
  const sql =
    "UPDATE deliveries SET state = 'bounced', reason = 'suppressed', changed_at = ?, " +
    'reply_code = ?, reply_status = ?, reply_text = ? WHERE ';
  for (const [entry, some] of Map.groupBy(barred, ({ entry }) => entry)) {
    const { code, status = null, text } = suppressionReply(entry);
    const pairs = inPairs(
      dialect,
      'id, ordinal',
      some.map(({ key }) => key),
    );
    await queryByKeys(tx, pairs, (keys) => sql + keys, [now, code, status, text]);
  }
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
