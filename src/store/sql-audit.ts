/** The audit trail: rows that are written once, ended once, and purged by their age. */
import type { ActorRole, AuditEnd, AuditFilter, AuditPage, AuditRecord, AuditResult } from '../queue/audit.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idToBytes, isId } from '../runtime/id.ts';
import type { Database, Row, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { idOf } from './rows.ts';
import { inKeys, insertRows, queryByKeys } from './statements.ts';

const COLUMNS = [
  'id',
  'noted_at',
  'actor',
  'role',
  'address',
  'action',
  'what',
  'reason',
  'affected',
  'result',
  'error',
];

export async function keepAudit(database: Database, dialect: Dialect, record: AuditRecord): Promise<void> {
  const { id, at, by, role, from, action, what, reason, count, result, error } = record;
  const row = [idToBytes(id), at, by, role, from, action, JSON.stringify(what), reason, count, result, error];
  await database.transaction(
    // Whether it came through when a connection broke: its id is its own.
    (tx) => insertRows(tx, dialect, 'posthaste_audit', COLUMNS, [row], dialect.unlessTaken('id')),
    { repeatable: true },
  );
}

export async function endAudit(database: Database, id: Id, { result, count, error }: AuditEnd): Promise<void> {
  const sql = 'UPDATE posthaste_audit SET result = ?, affected = ?, error = ? WHERE id = ?';
  await database.transaction((tx) => tx.query(sql, [result, count, error, idToBytes(id)]), { repeatable: true });
}

export async function audit(
  database: Database,
  filter: AuditFilter,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
): Promise<AuditPage> {
  const conditions: string[] = ['1 = 1'];
  const values: Value[] = [];
  const add = (sql: string, value: Value): void => {
    conditions.push(sql);
    values.push(value);
  };
  if (filter.by !== undefined) add('actor = ?', filter.by);
  if (filter.action !== undefined) add('action = ?', filter.action);
  if (filter.after !== undefined) add('noted_at > ?', filter.after);
  if (filter.before !== undefined) add('noted_at < ?', filter.before);
  if (cursor !== undefined && isId(cursor)) add('id < ?', idToBytes(cursor));
  const sql = `SELECT ${COLUMNS.join(', ')} FROM posthaste_audit WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT ?`;
  const { rows } = await database.query(sql, [...values, limit]);
  const last = rows.length < limit ? undefined : rows.at(-1);
  return { rows: rows.map(recordOf), cursor: last === undefined ? null : idOf(last.id) };
}

export async function purgeAudit(database: Database, before: Instant, limit: number): Promise<number> {
  const sql = 'SELECT id FROM posthaste_audit WHERE noted_at < ? ORDER BY noted_at LIMIT ?';
  const { rows } = await database.query(sql, [before, limit]);
  if (rows.length === 0) return 0;
  const lists = inKeys(
    'id',
    rows.map(({ id }) => id as Value),
  );
  await database.transaction((tx) => queryByKeys(tx, lists, (keys) => `DELETE FROM posthaste_audit WHERE ${keys}`), {
    commit: 'riding',
    repeatable: true,
  });
  return rows.length;
}

function recordOf(row: Row): AuditRecord {
  return {
    id: idOf(row.id),
    at: row.noted_at as number,
    by: row.actor as string,
    role: row.role as ActorRole,
    from: row.address as string | null,
    action: row.action as string,
    what: JSON.parse(row.what as string) as AuditRecord['what'],
    reason: row.reason as string | null,
    count: row.affected as number | null,
    result: row.result as AuditResult,
    error: row.error as string | null,
  };
}
