/** What is kept for webhooks: an event for each of them, written in the transaction in which it happens. Without webhooks nothing is asked or written. */
import { type Told, WEBHOOK_EVENTS, type WebhookEventType, webhookBody, webhookTypeOf } from '../queue/webhook.ts';
import type { Instant } from '../runtime/clock.ts';
import { idToBytes, newId } from '../runtime/id.ts';
import type { Row, Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { deliveryOf, idOf, LISTED_COLUMNS } from './rows.ts';
import { inKeys, inPairs, insertRowsSteps, queryByKeysSteps } from './statements.ts';
import { ask, type Steps } from './steps.ts';

/** Stands in statements that are there anyway: whether anybody is to be told. */
export const IS_TOLD = 'CASE WHEN EXISTS (SELECT 1 FROM posthaste_webhooks) THEN 1 ELSE 0 END';

const COLUMNS = ['id', 'webhook', 'message', 'place', 'type', 'body', 'state', 'created_at', 'due_at', 'attempts'];

/** A delivery that something happened to. */
type Key = readonly [id: Value, ordinal: Value];

/** New messages: each delivery was submitted, and some of them suppressed. */
export function* tellSubmitted(dialect: Dialect, keys: readonly Key[], now: Instant): Steps<void> {
  yield* tell(dialect, keys, now, (row) =>
    row.state === 'bounced' && row.reason === 'suppressed' ? ['submitted', 'suppressed'] : ['submitted'],
  );
}

/** What became of deliveries, as they are now; for those of `doubtful` by an attempt whose answer nobody knows. */
export function* tellChanged(
  dialect: Dialect,
  keys: readonly Key[],
  now: Instant,
  doubtful: readonly Key[] = [],
): Steps<void> {
  const inDoubt = new Set(doubtful.map(nameOf));
  yield* tell(dialect, keys, now, (row) => {
    const isDoubtful = inDoubt.has(nameOf([row.id as Value, row.ordinal as Value]));
    const type = webhookTypeOf(deliveryOf(row, row.created_at as number), isDoubtful);
    return type === undefined ? [] : [type];
  });
}

function* tell(
  dialect: Dialect,
  keys: readonly Key[],
  now: Instant,
  typesOf: (row: Row) => readonly WebhookEventType[],
): Steps<void> {
  if (keys.length === 0) return;
  const { rows: listeners } = yield* ask('SELECT name, events FROM posthaste_webhooks WHERE disabled_at IS NULL', []);
  if (listeners.length === 0) return;
  const deliveries = yield* factsOf(dialect, keys);
  const places = yield* lastPlaces(deliveries);
  const rows = deliveries.flatMap((row) =>
    typesOf(row).flatMap((type) => {
      const place = (places.get(idOf(row.id)) ?? 0) + 1;
      places.set(idOf(row.id), place);
      const body = webhookBody(type, now, toldOf(row));
      const wanting = listeners.filter(({ events }) => isAmong(events as string, type));
      return wanting.map(({ name }): Value[] => {
        return [idToBytes(newId(now)), name as Value, row.id as Value, place, type, body, 'waiting', now, now, 0];
      });
    }),
  );
  yield* insertRowsSteps(dialect, 'posthaste_webhook_events', COLUMNS, rows);
}

/** In the order of the keys: events of one message that come together are told in it. */
function* factsOf(dialect: Dialect, keys: readonly Key[]): Steps<readonly Row[]> {
  const sql = (list: string): string =>
    `SELECT ${LISTED_COLUMNS}, m.metadata FROM posthaste_deliveries d JOIN posthaste_messages m ON m.id = d.id WHERE ${list}`;
  const { rows } = yield* queryByKeysSteps(inPairs(dialect, 'd.id, d.ordinal', keys), sql);
  const found = new Map(rows.map((row) => [nameOf([row.id as Value, row.ordinal as Value]), row]));
  return keys.map((key) => found.get(nameOf(key))).filter((row) => row !== undefined);
}

function nameOf([id, ordinal]: Key): string {
  return `${idOf(id)}/${ordinal}`;
}

/** Where the events of each message that still wait end: what comes now comes behind them, whatever the clocks say. */
function* lastPlaces(deliveries: readonly Row[]): Steps<Map<string, number>> {
  const ids = [...new Map(deliveries.map((row) => [idOf(row.id), row.id as Value])).values()];
  const sql = (list: string): string =>
    `SELECT message, MAX(place) AS place FROM posthaste_webhook_events WHERE ${list} GROUP BY message`;
  const { rows } = yield* queryByKeysSteps(inKeys('message', ids), sql);
  return new Map(rows.map((row) => [idOf(row.message), Number(row.place)]));
}

function isAmong(events: string, type: WebhookEventType): boolean {
  return events.split(',').includes(type);
}

/** As they are kept: always in the same order. */
export function eventsText(events: readonly WebhookEventType[]): string {
  return WEBHOOK_EVENTS.filter((event) => events.includes(event)).join(',');
}

function toldOf(row: Row): Told {
  const { id, ordinal, recipient, relay, state, reason, attempts, dueAt, lastReply } = deliveryOf(row, 0);
  return {
    id,
    ordinal,
    recipient,
    sender: row.sender as string | null,
    messageId: row.message_id as string,
    subject: row.subject as string | null,
    tags: JSON.parse(row.tags as string) as string[],
    metadata: JSON.parse(row.metadata as string) as Record<string, string>,
    reportOn: row.report_on === null ? null : idOf(row.report_on),
    relay,
    state,
    reason,
    attempts,
    dueAt,
    lastReply,
  };
}
