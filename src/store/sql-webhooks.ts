/** Webhooks and the events that wait for them: who sends, what is next, and what came of it. */
import type {
  WebhookCounts,
  WebhookEntry,
  WebhookEvent,
  WebhookEventType,
  WebhookFailure,
  WebhookOutcome,
  WebhookState,
  WebhookTry,
} from '../queue/webhook.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idToBytes, isId } from '../runtime/id.ts';
import type { Database, Queries, Row, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { idOf } from './rows.ts';
import { eventsText } from './sql-tell.ts';
import { inKeys, insertRows, queryByKeys } from './statements.ts';

const ENTRY_COLUMNS = ['name', 'events', 'known_at', 'failures'];

const STATE_COLUMNS =
  'name, events, known_at, failures, failing_since, rest_until, disabled_at, last_sent_at, last_failed_at, last_status, last_error';

const EVENT_COLUMNS =
  'id, webhook, message, type, body, state, created_at, due_at, attempts, last_failed_at, last_status, last_error';

/** Events in one transaction of an operator's resend. */
const RESEND_BATCH = 500;

export async function registerWebhooks(
  database: Database,
  dialect: Dialect,
  entries: readonly WebhookEntry[],
  now: Instant,
): Promise<void> {
  const work = async (tx: Queries): Promise<void> => {
    for (const { name, events } of entries) {
      const row = [name, eventsText(events), now, 0];
      await insertRows(tx, dialect, 'posthaste_webhooks', ENTRY_COLUMNS, [row], dialect.unlessTaken('name'));
      const sql = 'UPDATE posthaste_webhooks SET events = ?, known_at = ? WHERE name = ?';
      await tx.query(sql, [eventsText(events), now, name]);
    }
  };
  await database.transaction(work, { repeatable: true });
}

export async function webhooks(database: Database): Promise<readonly WebhookState[]> {
  const { rows } = await database.query(`SELECT ${STATE_COLUMNS} FROM posthaste_webhooks ORDER BY name`, []);
  return rows.map(stateOf);
}

export async function webhookCounts(database: Database): Promise<readonly WebhookCounts[]> {
  const sum = (state: string): string => `SUM(CASE WHEN state = '${state}' THEN 1 ELSE 0 END)`;
  const oldest = "MIN(CASE WHEN state = 'waiting' THEN created_at END)";
  const sql = `SELECT webhook, ${sum('waiting')} AS waiting, ${sum('failed')} AS failed, ${oldest} AS oldest FROM posthaste_webhook_events GROUP BY webhook`;
  const { rows } = await database.query(sql, []);
  return rows.map((row) => ({
    webhook: row.webhook as string,
    waiting: Number(row.waiting),
    failed: Number(row.failed),
    oldestWaiting: row.oldest === null ? null : Number(row.oldest),
  }));
}

/** A lease that is lost with the power is taken anew. */
export function leaseWebhooks(
  database: Database,
  names: readonly string[],
  holder: Id,
  now: Instant,
  until: Instant,
): Promise<readonly WebhookState[]> {
  const own = idToBytes(holder);
  const work = async (tx: Queries): Promise<readonly WebhookState[]> => {
    const lease = (keys: string): string =>
      `UPDATE posthaste_webhooks SET holder = ?, lease_until = ?, known_at = ? WHERE (holder IS NULL OR holder = ? OR lease_until <= ?) AND ${keys}`;
    await queryByKeys(tx, inKeys('name', names), lease, [own, until, now, own, now]);
    const mine = (keys: string): string =>
      `SELECT ${STATE_COLUMNS} FROM posthaste_webhooks WHERE holder = ? AND ${keys}`;
    return (await queryByKeys(tx, inKeys('name', names), mine, [own])).rows.map(stateOf);
  };
  return database.transaction(work, { commit: 'unsynced', repeatable: true });
}

export async function releaseWebhooks(database: Database, holder: Id): Promise<void> {
  const sql = 'UPDATE posthaste_webhooks SET holder = NULL, lease_until = NULL WHERE holder = ?';
  await database.transaction((tx) => tx.query(sql, [idToBytes(holder)]), { commit: 'unsynced', repeatable: true });
}

/**
 * The first that waits of each message. What else could lead the search is hidden from the planner: without statistics PostgreSQL went through
 * all that waits for the webhook to find the few events of one message (10 s for 100,000 of them).
 */
const FIRST =
  "SELECT f.id FROM posthaste_webhook_events f WHERE f.message = e.message AND COALESCE(f.webhook, '') = e.webhook " +
  "AND COALESCE(f.state, '') = 'waiting' ORDER BY f.place, f.id LIMIT 1";

export async function dueWebhookEvents(
  database: Database,
  webhook: string,
  now: Instant,
  limit: number,
): Promise<readonly WebhookEvent[]> {
  const sql = `SELECT ${EVENT_COLUMNS} FROM posthaste_webhook_events e WHERE webhook = ? AND state = 'waiting' AND due_at <= ? AND id = (${FIRST}) ORDER BY due_at, id LIMIT ?`;
  const { rows } = await database.query(sql, [webhook, now, limit]);
  return rows.map(eventOf);
}

/** What is lost of it with the power is sent again: with the same id. */
export async function endWebhookEvents(
  database: Database,
  webhook: string,
  { at, delivered, failed, state }: WebhookOutcome,
): Promise<void> {
  const work = async (tx: Queries): Promise<void> => {
    const lists = inKeys('id', delivered.map(idToBytes));
    await queryByKeys(tx, lists, (keys) => `DELETE FROM posthaste_webhook_events WHERE ${keys}`);
    for (const each of failed) await noteTry(tx, each);
    if (state !== null) await noteState(tx, webhook, state);
    if (delivered.length > 0)
      await tx.query('UPDATE posthaste_webhooks SET last_sent_at = ? WHERE name = ?', [at, webhook]);
    const last = failed.at(-1);
    if (last === undefined) return;
    const sql = 'UPDATE posthaste_webhooks SET last_failed_at = ?, last_status = ?, last_error = ? WHERE name = ?';
    await tx.query(sql, [last.at, last.status, last.error, webhook]);
  };
  await database.transaction(work, { commit: 'riding', weight: delivered.length + failed.length, repeatable: true });
}

async function noteTry(tx: Queries, { id, at, dueAt, status, error }: WebhookTry): Promise<void> {
  const sql =
    'UPDATE posthaste_webhook_events SET attempts = attempts + 1, due_at = ?, last_failed_at = ?, last_status = ?, last_error = ? WHERE id = ?';
  await tx.query(sql, [dueAt, at, status, error, idToBytes(id)]);
}

async function noteState(tx: Queries, webhook: string, state: NonNullable<WebhookOutcome['state']>): Promise<void> {
  const sql =
    'UPDATE posthaste_webhooks SET failures = ?, failing_since = ?, rest_until = ?, disabled_at = ? WHERE name = ?';
  await tx.query(sql, [state.failures, state.failingSince, state.restUntil, state.disabledAt, webhook]);
}

export async function expireWebhookEvents(
  database: Database,
  webhook: string,
  before: Instant,
  limit: number,
): Promise<number> {
  const sql =
    "SELECT id FROM posthaste_webhook_events WHERE webhook = ? AND state = 'waiting' AND created_at < ? ORDER BY created_at LIMIT ?";
  const { rows } = await database.query(sql, [webhook, before, limit]);
  const fail = (keys: string): string => `UPDATE posthaste_webhook_events SET state = 'failed' WHERE ${keys}`;
  return rows.length === 0 ? 0 : changeEach(database, rows, fail);
}

async function changeEach(
  database: Database,
  rows: readonly Row[],
  sql: (keys: string) => string,
  values: readonly Value[] = [],
): Promise<number> {
  const keys = rows.map(({ id }) => id as Value);
  await database.transaction((tx) => queryByKeys(tx, inKeys('id', keys), sql, values), { repeatable: true });
  return rows.length;
}

export async function webhookEvents(
  database: Database,
  webhook: string,
  state: WebhookEvent['state'],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
): Promise<{ readonly rows: readonly WebhookEvent[]; readonly cursor: string | null }> {
  const behind = cursor !== undefined && isId(cursor) ? [idToBytes(cursor)] : [];
  const sql = `SELECT ${EVENT_COLUMNS} FROM posthaste_webhook_events WHERE webhook = ? AND state = ?${behind.length > 0 ? ' AND id > ?' : ''} ORDER BY id LIMIT ?`;
  const { rows } = await database.query(sql, [webhook, state, ...behind, limit]);
  const last = rows.length < limit ? undefined : rows.at(-1);
  return { rows: rows.map(eventOf), cursor: last === undefined ? null : idOf(last.id) };
}

/** In parts, so that no writer waits long. */
export async function resendWebhookEvents(
  database: Database,
  webhook: string,
  ids: readonly Id[] | null,
  now: Instant,
): Promise<number> {
  const again = "state = 'waiting', created_at = ?, due_at = ?, attempts = 0";
  let count = 0;
  if (ids !== null) {
    const sql = (keys: string): string => `UPDATE posthaste_webhook_events SET ${again} WHERE webhook = ? AND ${keys}`;
    const lists = inKeys('id', ids.map(idToBytes));
    const work = (tx: Queries): Promise<{ readonly changed: number }> =>
      queryByKeys(tx, lists, sql, [now, now, webhook]);
    return (await database.transaction(work, { repeatable: true })).changed;
  }
  for (;;) {
    const failed = "SELECT id FROM posthaste_webhook_events WHERE webhook = ? AND state = 'failed' ORDER BY id LIMIT ?";
    const { rows } = await database.query(failed, [webhook, RESEND_BATCH]);
    if (rows.length === 0) return count;
    const sql = (keys: string): string => `UPDATE posthaste_webhook_events SET ${again} WHERE ${keys}`;
    count += await changeEach(database, rows, sql, [now, now]);
  }
}

export async function enableWebhook(database: Database, webhook: string): Promise<boolean> {
  const sql =
    'UPDATE posthaste_webhooks SET disabled_at = NULL, rest_until = NULL, failures = 0, failing_since = NULL WHERE name = ?';
  await database.transaction((tx) => tx.query(sql, [webhook]), { repeatable: true });
  const { rows } = await database.query('SELECT name FROM posthaste_webhooks WHERE name = ?', [webhook]);
  return rows.length > 0;
}

export async function purgeWebhooks(
  database: Database,
  before: Instant,
  unknownSince: Instant,
  limit: number,
): Promise<number> {
  const { rows: known } = await database.query('SELECT name, known_at FROM posthaste_webhooks', []);
  let purged = 0;
  for (const { name, known_at: knownAt } of known) {
    const forgotten = (knownAt as number) < unknownSince;
    const which = forgotten ? '' : " AND state = 'failed' AND created_at < ?";
    const sql = `SELECT id FROM posthaste_webhook_events WHERE webhook = ?${which} LIMIT ?`;
    const { rows } = await database.query(sql, [name as Value, ...(forgotten ? [] : [before]), limit]);
    const drop = (keys: string): string => `DELETE FROM posthaste_webhook_events WHERE ${keys}`;
    if (rows.length > 0) purged += await changeEach(database, rows, drop);
    else if (forgotten) await forget(database, name as Value, unknownSince);
  }
  return purged;
}

/** Unless somebody knows it again. */
async function forget(database: Database, name: Value, unknownSince: Instant): Promise<void> {
  const sql = 'DELETE FROM posthaste_webhooks WHERE name = ? AND known_at < ?';
  await database.transaction((tx) => tx.query(sql, [name, unknownSince]), { repeatable: true });
}

function failureOf(row: Row): WebhookFailure | null {
  if (row.last_failed_at === null) return null;
  return {
    at: row.last_failed_at as number,
    status: row.last_status as number | null,
    error: row.last_error as string,
  };
}

function stateOf(row: Row): WebhookState {
  return {
    name: row.name as string,
    events: (row.events as string).split(',').filter((event) => event !== '') as WebhookEventType[],
    knownAt: row.known_at as number,
    failures: row.failures as number,
    failingSince: row.failing_since as number | null,
    restUntil: row.rest_until as number | null,
    disabledAt: row.disabled_at as number | null,
    lastSentAt: row.last_sent_at as number | null,
    lastFailure: failureOf(row),
  };
}

function eventOf(row: Row): WebhookEvent {
  return {
    id: idOf(row.id),
    webhook: row.webhook as string,
    message: idOf(row.message),
    type: row.type as string,
    body: row.body as string,
    state: row.state as WebhookEvent['state'],
    createdAt: row.created_at as number,
    dueAt: row.due_at as number,
    attempts: row.attempts as number,
    lastFailure: failureOf(row),
  };
}
