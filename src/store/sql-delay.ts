/** Deliveries that have waited for long, and the reports that tell their senders so, once. */
import type { DelayReport, LateMessage } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { idToBytes } from '../runtime/id.ts';
import type { Database, Queries, Row, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { DELIVERY_COLUMNS, deliveryOf, idOf, MESSAGE_COLUMNS, messageOf } from './rows.ts';
import { isLate } from './schema.ts';
import { keysOf } from './sql-claim.ts';
import { insertMessages } from './sql-insert.ts';
import { inKeys, inPairs, queryByKeys } from './statements.ts';

/** Reads the index alone while nothing is late. */
export function late(
  database: Database,
  dialect: Dialect,
  now: Instant,
  limit: number,
): Promise<readonly LateMessage[]> {
  return database.snapshot(async (tx) => {
    const heads = await tx.query(
      `SELECT id FROM posthaste_deliveries WHERE ${isLate(dialect)} AND delay_report_at <= ? ORDER BY delay_report_at LIMIT ?`,
      [now, limit],
    );
    const keys = new Map(heads.rows.map((row) => [idOf(row.id), row.id as Uint8Array]));
    const lists = inKeys('d.id', [...keys.values()]);
    const sql = (list: string): string =>
      `SELECT ${DELIVERY_COLUMNS} FROM posthaste_deliveries d WHERE ${list} ORDER BY d.id, d.ordinal`;
    const { rows } = await queryByKeys(tx, lists, sql);
    const byMessage = Map.groupBy(
      rows.filter((row) => isLateNow(row, now)),
      (row) => idOf(row.id),
    );
    const messages = await messagesOf(tx, [...keys.values()]);
    return [...keys.keys()].flatMap((id) => {
      const message = messages.get(id);
      if (message === undefined) return [];
      const deliveries = byMessage.get(id)?.map((row) => deliveryOf(row, message.createdAt, id)) ?? [];
      return [{ message, deliveries }];
    });
  });
}

function isLateNow({ state, delay_reported: reported, delay_report_at: at, priority }: Row, now: Instant): boolean {
  return state === 'queued' && reported === 0 && at !== null && (at as number) <= now && (priority as number) < 3;
}

async function messagesOf(tx: Queries, keys: readonly Uint8Array[]): Promise<Map<string, LateMessage['message']>> {
  const sql = (list: string): string => `SELECT ${MESSAGE_COLUMNS} FROM posthaste_messages WHERE ${list}`;
  const { rows } = await queryByKeys(tx, inKeys('id', keys), sql);
  return new Map(rows.map((row) => [idOf(row.id), messageOf(row)]));
}

/** What another process told meanwhile, or a worker claimed, is left for the next look. */
export function reportDelays(
  database: Database,
  dialect: Dialect,
  reports: readonly DelayReport[],
  now: Instant,
): Promise<readonly boolean[]> {
  const named = reports.flatMap(({ deliveries }) => deliveries);
  const keys = named.map(({ id, ordinal }): [Value, Value] => [idToBytes(id), ordinal]);
  const work = async (tx: Queries): Promise<readonly boolean[]> => {
    const sql = (list: string): string =>
      `SELECT id, ordinal, state, delay_reported FROM posthaste_deliveries WHERE ${list}${dialect.lock}`;
    const { rows } = await queryByKeys(tx, inPairs(dialect, 'id, ordinal', keys), sql);
    const open = new Map(
      rows
        .filter((row) => row.state === 'queued' && row.delay_reported === 0)
        .map((row) => [`${idOf(row.id)}/${row.ordinal}`, row]),
    );
    const took = reports.map(({ deliveries }) => deliveries.every(({ id, ordinal }) => open.has(`${id}/${ordinal}`)));
    const told = reports.filter((_, i) => took[i] === true);
    const tellable = told.flatMap(({ deliveries }) =>
      deliveries.map(({ id, ordinal }) => open.get(`${id}/${ordinal}`) as Row),
    );
    const update = (list: string): string => `UPDATE posthaste_deliveries SET delay_reported = 1 WHERE ${list}`;
    await queryByKeys(tx, inPairs(dialect, 'id, ordinal', keysOf(tellable)), update);
    if (told.length > 0)
      await insertMessages(
        tx,
        dialect,
        told.map(({ report }) => report),
        now,
      );
    return took;
  };
  const news = (took: readonly boolean[]): boolean => took.includes(true);
  return database.transaction(work, { commit: 'riding', weight: named.length, news });
}
