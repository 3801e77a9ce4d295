/** Contents that go as soon as nobody will send them again, while all else that is known of their messages stays. */
import { setImmediate as turn } from 'node:timers/promises';
import { ENDED, type State } from '../queue/delivery.ts';
import type { Database, Queries, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { IS_ENDED } from './schema.ts';
import { inKeys, queryByKeys } from './statements.ts';

/** Messages in one transaction: each may free a large content. */
const DROP_BATCH = 64;

/** Values of `drop_content`. */
export const DROP = { never: 0, atEnd: 1, dropped: 2 } as const;

/** A condition on a delivery about to be queued: there is something to send. */
export const HAS_CONTENT =
  'NOT EXISTS (SELECT 1 FROM posthaste_messages g WHERE g.id = posthaste_deliveries.id ' +
  `AND g.drop_content = ${DROP.dropped})`;

/** Messages that are looked at together: with a million that wait, submissions go between the looks. */
const LOOK = 1_000;

/** Those that wait for their end, in the order of their ids; `over`: it has come. */
const WAITING =
  'SELECT m.id, CASE WHEN EXISTS (SELECT 1 FROM posthaste_deliveries d WHERE d.id = m.id ' +
  `AND NOT (${IS_ENDED})) THEN 0 ELSE 1 END AS over_now FROM posthaste_messages m ` +
  `WHERE m.drop_content = ${DROP.atEnd} AND m.id > ? ORDER BY m.id LIMIT ?`;

/** Looks without a transaction, which many that wait would keep open for long. */
export async function dropContents(database: Database, dialect: Dialect, limit: number): Promise<number> {
  let dropped = 0;
  for (let after: Value = new Uint8Array(16); dropped < limit; ) {
    const { rows } = await database.query(WAITING, [after, LOOK]);
    const over = rows.filter((row) => Number(row.over_now) === 1).map(({ id }) => id as Value);
    dropped += await dropThese(database, dialect, over.slice(0, limit - dropped));
    if (rows.length < LOOK) break;
    after = rows.at(-1)?.id as Value;
    await turn();
  }
  return dropped;
}

async function dropThese(database: Database, dialect: Dialect, ids: readonly Value[]): Promise<number> {
  let dropped = 0;
  for (let at = 0; at < ids.length; at += DROP_BATCH) {
    const some = ids.slice(at, at + DROP_BATCH);
    dropped += await database.transaction((tx) => dropSome(tx, dialect, some), {
      commit: 'riding',
      weight: some.length,
    });
  }
  return dropped;
}

/** What an operator put back meanwhile keeps its content. */
async function dropSome(tx: Queries, dialect: Dialect, ids: readonly Value[]): Promise<number> {
  const keys = inKeys('id', await lockEnded(tx, dialect, ids, ENDED));
  const flag = (list: string): string =>
    `UPDATE posthaste_messages SET content = NULL, drop_content = ${DROP.dropped} WHERE drop_content = ${DROP.atEnd} AND ${list}`;
  const { changed } = await queryByKeys(tx, keys, flag);
  await queryByKeys(tx, keys, (list) => `DELETE FROM posthaste_contents WHERE ${list}`);
  return changed;
}

/** Those of the messages all of whose deliveries are in one of the states: they are locked before they are looked at, and so stay there. */
export async function lockEnded(
  tx: Queries,
  dialect: Dialect,
  ids: readonly Value[],
  states: readonly State[],
): Promise<Value[]> {
  const sql = (keys: string): string => `SELECT id, state FROM posthaste_deliveries WHERE ${keys}${dialect.lock}`;
  const { rows } = await queryByKeys(tx, inKeys('id', ids), sql);
  const wanted = new Set(
    rows.filter(({ state }) => !states.includes(state as State)).map(({ id }) => hex(id as Value)),
  );
  return ids.filter((id) => !wanted.has(hex(id)));
}

function hex(id: Value): string {
  return Buffer.from(id as Uint8Array).toString('hex');
}
