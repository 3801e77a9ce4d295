/** The list of addresses and domains to which nothing is sent. */
import type { Address } from '../mail/address.ts';
import type { Suppression } from '../queue/store.ts';
import { suppressionReply, targetKey, targetsOf } from '../queue/suppression.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Database, Queries, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { suppressionOf } from './rows.ts';
import { IS_TOLD } from './sql-tell.ts';
import { inKeys, inPairs, insertRows, queryByKeys, queryByKeysSteps } from './statements.ts';
import { ask, carryOut, type Steps } from './steps.ts';

const COLUMNS = ['target', 'reason', 'since', 'until_at', 'note'];

/** Whether any address is suppressed, and whether anybody is told what happens: one question for both, as most queues have neither. */
export function* presence(): Steps<{ readonly barring: boolean; readonly telling: boolean }> {
  const barring = 'CASE WHEN EXISTS (SELECT 1 FROM posthaste_suppressions) THEN 1 ELSE 0 END';
  const { rows } = yield* ask(`SELECT ${barring} AS barring, ${IS_TOLD} AS telling`, []);
  return { barring: Number(rows[0]?.barring) === 1, telling: Number(rows[0]?.telling) === 1 };
}

/** Asks once for many recipients. `since` is for people: what stands in the list holds, also where clocks differ. */
export function* suppressedAmong(
  recipients: readonly Address[],
  now: Instant,
  any: boolean,
): Steps<(recipient: Address) => Suppression | undefined> {
  if (!any) return () => undefined;
  const targets = new Set(recipients.flatMap(targetsOf));
  const lists = inKeys('target', [...targets]);
  const select = `SELECT ${COLUMNS.join(', ')} FROM posthaste_suppressions WHERE (until_at IS NULL OR until_at > ?) AND `;
  const { rows } = yield* queryByKeysSteps(lists, (keys) => select + keys, [now]);
  const found = new Map(rows.map((row) => [row.target, suppressionOf(row)]));
  return (recipient) => {
    const [address, domain] = targetsOf(recipient);
    return found.get(address) ?? found.get(domain);
  };
}

/** A delivery that must not be sent: its id and ordinal, and what forbids it. */
export interface Barred {
  readonly key: readonly [Value, Value];
  readonly entry: Suppression;
}

/** To bounced/suppressed, with the reason as the reply. One statement for each entry of the list. */
export function* bounceBarred(dialect: Dialect, barred: readonly Barred[], now: Instant): Steps<void> {
  const sql =
    "UPDATE posthaste_deliveries SET state = 'bounced', reason = 'suppressed', changed_at = ?, " +
    'reply_code = ?, reply_status = ?, reply_text = ?, reply_ours = 1 WHERE ';
  for (const [entry, some] of Map.groupBy(barred, ({ entry }) => entry)) {
    const { code, status = null, text } = suppressionReply(entry);
    const pairs = inPairs(
      dialect,
      'id, ordinal',
      some.map(({ key }) => key),
    );
    yield* queryByKeysSteps(pairs, (keys) => sql + keys, [now, code, status, text]);
  }
}

/** A target that is in the list already gets the new entry. */
export async function suppress(database: Database, dialect: Dialect, entries: readonly Suppression[]): Promise<void> {
  const byTarget = new Map(entries.map((entry) => [targetKey(entry.target), entry]));
  const rows = [...byTarget].map(([target, entry]) => [target, entry.reason, entry.since, entry.until, entry.note]);
  await database.transaction(async (tx) => {
    await remove(tx, [...byTarget.keys()]);
    // Where another has just written the same target its entry stays, as if it had come behind ours.
    await insertRows(tx, dialect, 'posthaste_suppressions', COLUMNS, rows, dialect.unlessTaken('target'));
  });
}

export async function unsuppress(database: Database, targets: readonly string[]): Promise<number> {
  const keys = [...new Set(targets.map(targetKey))];
  return database.transaction((tx) => remove(tx, keys));
}

async function remove(tx: Queries, targets: readonly string[]): Promise<number> {
  const lists = inKeys('target', targets);
  return (await queryByKeys(tx, lists, (keys) => `DELETE FROM posthaste_suppressions WHERE ${keys}`)).changed;
}

export async function suppressing(
  database: Database,
  recipients: readonly Address[],
  now: Instant,
): Promise<readonly (Suppression | null)[]> {
  const suppressed = await carryOut(database, suppressedAmong(recipients, now, true));
  return recipients.map((recipient) => suppressed(recipient) ?? null);
}

export interface ListPage {
  readonly limit: number;
  readonly cursor?: string;
  readonly contains?: string;
}

/** In the order of their targets. */
export async function suppressions(
  database: Database,
  dialect: Dialect,
  { limit, cursor = '', contains }: ListPage,
): Promise<{ readonly rows: readonly Suppression[]; readonly cursor: string | null }> {
  const part =
    contains === undefined
      ? { sql: '', values: [] }
      : { sql: ` AND ${dialect.contains('target')}`, values: [contains] };
  const sql = `SELECT ${COLUMNS.join(', ')} FROM posthaste_suppressions WHERE target > ?${part.sql} ORDER BY target LIMIT ?`;
  const { rows } = await database.query(sql, [cursor, ...part.values, limit]);
  const last = rows.length < limit ? undefined : rows.at(-1);
  return { rows: rows.map(suppressionOf), cursor: (last?.target as string | undefined) ?? null };
}
