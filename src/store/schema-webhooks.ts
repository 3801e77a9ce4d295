/** The tables of webhooks. */
import type { Dialect } from './dialect.ts';

/** Where events are posted: how it stands there, and which process sends. */
export function webhooks({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_webhooks (
    name ${t.name} NOT NULL PRIMARY KEY,
    events ${t.text} NOT NULL,
    known_at ${t.integer} NOT NULL,
    holder ${t.id},
    lease_until ${t.integer},
    failures ${t.integer} NOT NULL CHECK (failures >= 0),
    failing_since ${t.integer},
    rest_until ${t.integer},
    disabled_at ${t.integer},
    last_sent_at ${t.integer},
    last_failed_at ${t.integer},
    last_status ${t.integer},
    last_error ${t.text},
    CHECK ((holder IS NULL) = (lease_until IS NULL)),
    CHECK ((failures = 0) = (failing_since IS NULL))
  )${tableOptions}`;
}

/** What waits for a webhook, or could not be told it in time. `place` orders the events of a message that wait together. */
export function webhookEvents({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_webhook_events (
    id ${t.id} NOT NULL PRIMARY KEY,
    webhook ${t.name} NOT NULL,
    message ${t.id} NOT NULL,
    place ${t.integer} NOT NULL,
    type ${t.name} NOT NULL,
    body ${t.text} NOT NULL,
    state ${t.name} NOT NULL CHECK (state IN ('waiting', 'failed')),
    created_at ${t.integer} NOT NULL,
    due_at ${t.integer} NOT NULL,
    attempts ${t.integer} NOT NULL CHECK (attempts >= 0),
    last_failed_at ${t.integer},
    last_status ${t.integer},
    last_error ${t.text}
  )${tableOptions}`;
}
