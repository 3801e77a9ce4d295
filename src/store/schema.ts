/** The tables and indexes, as numbered migrations. They repeat the invariants, so that no program can write nonsense. */
import { randomUUID } from 'node:crypto';
import type { Dialect } from './dialect.ts';
import { webhookEvents, webhooks } from './schema-webhooks.ts';

/** Each migration is a list of statements; its place in the list, from 1, is the version it leads to. */
export const MIGRATIONS: readonly ((dialect: Dialect) => readonly string[])[] = [first];

/** Written alike in every query that wants the index on ended deliveries; compared one by one for the same reason as in `oneOf`. */
export const IS_ENDED = "state <> 'queued' AND state <> 'sending' AND state <> 'held'";

/**
 * Written alike for the same reason; true of all that is queued. Without its second half a claim could use the index by expiry too, and
 * PostgreSQL would read all of that one where its statistics are from when nothing waited.
 */
export function isMortal({ isQueued }: Dialect): string {
  return `${isQueued} AND expires_at > 0`;
}

/** Written alike for the same reason: those that wait by themselves, and of whose delay somebody is to be told. */
export function isLate({ isQueued }: Dialect): string {
  return `${isQueued} AND delay_reported = 0 AND delay_report_at IS NOT NULL AND priority < 3`;
}

/** Written alike for the same reason: what is of interest to those who watch, and rests where it is. */
export const IS_TRIED = "(state = 'held' OR (state = 'queued' AND (attempts > 0 OR in_doubt = 1)))";

const STATES = ['queued', 'sending', 'sent', 'held', 'captured', 'bounced', 'cancelled'];
const REASONS = ['refused', 'expired', 'suppressed', 'operator', 'doubt', 'error', 'not-allowed', 'hold-all'];
const OUTCOMES = ['sent', 'captured', 'deferred', 'refused', 'in doubt', 'crashed'];

/** For IN with a list of three or more SQLite fills a table of its own in every statement that writes the column, which takes it 2 µs. */
function oneOf(column: string, names: readonly string[]): string {
  return `CHECK (${names.map((name) => `${column} = '${name}'`).join(' OR ')})`;
}

function first(dialect: Dialect): readonly string[] {
  return [...tables(dialect), ...indexes(dialect)];
}

function tables(dialect: Dialect): string[] {
  const made = [
    messages,
    keys,
    contents,
    staging,
    deliveries,
    attempts,
    relays,
    suppressions,
    audit,
    webhooks,
    webhookEvents,
    nodes,
    shares,
    copy,
  ].map((table) => table(dialect));
  made.push(...identity(dialect));
  return dialect.hasNews ? [...made, ...news(dialect)] : made;
}

/** Which queue this is, for connections of applications to tell whether their tables are ours. */
function identity({ types: t, tableOptions }: Dialect): string[] {
  return [
    `CREATE TABLE posthaste_identity (
    id ${t.name} NOT NULL PRIMARY KEY
  )${tableOptions}`,
    `INSERT INTO posthaste_identity (id) VALUES ('${randomUUID()}')`,
  ];
}

/** What never changes after acceptance. A content of one piece stands in the row: a fifth cheaper than a table of its own. */
function messages({ types: t, contentTableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_messages (
    id ${t.id} NOT NULL PRIMARY KEY,
    created_at ${t.integer} NOT NULL,
    sender ${t.text},
    sender_key ${t.name} NOT NULL,
    message_id ${t.text} NOT NULL,
    message_id_key ${t.name} NOT NULL,
    subject ${t.text},
    subject_key ${t.text},
    size ${t.integer} NOT NULL CHECK (size >= 0),
    eight_bit ${t.integer} NOT NULL CHECK (eight_bit IN (0, 1)),
    smtputf8 ${t.integer} NOT NULL CHECK (smtputf8 IN (0, 1)),
    ret ${t.name} CHECK (ret IN ('full', 'hdrs')),
    envelope_id ${t.text},
    priority ${t.integer} NOT NULL CHECK (priority BETWEEN 0 AND 3),
    origin ${t.name} NOT NULL,
    report_on ${t.id},
    submit_key ${t.name},
    tags ${t.text} NOT NULL,
    metadata ${t.text} NOT NULL,
    retry ${t.text},
    trace ${t.text},
    drop_content ${t.integer} NOT NULL CHECK (drop_content BETWEEN 0 AND 2),
    chunks ${t.integer} NOT NULL CHECK (chunks >= 0),
    content ${t.bytes}
  )${contentTableOptions}`;
}

/**
 * Which message has each idempotency key. Apart from the messages, because where an index has no WHERE, all mail without a key would stand
 * side by side in it, just where whoever waits for a key, or looks for one in a transaction of an application's, keeps others out.
 */
function keys({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_keys (
    submit_key ${t.name} NOT NULL PRIMARY KEY,
    id ${t.id} NOT NULL,
    message_id ${t.text} NOT NULL,
    key_digest ${t.bytes}
  )${tableOptions}`;
}

/** Contents in chunks, also those that are staged and whose message has not come yet. */
function contents({ types: t, contentTableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_contents (
    id ${t.id} NOT NULL,
    sequence ${t.integer} NOT NULL CHECK (sequence >= 0),
    bytes ${t.bytes} NOT NULL,
    PRIMARY KEY (id, sequence)
  )${contentTableOptions}`;
}

/** Which contents wait for their message; it takes them over by deleting this row. */
function staging({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_staging (
    id ${t.id} NOT NULL PRIMARY KEY,
    staged_at ${t.integer} NOT NULL
  )${tableOptions}`;
}

function deliveries({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_deliveries (
    id ${t.id} NOT NULL,
    ordinal ${t.integer} NOT NULL CHECK (ordinal >= 1),
    recipient ${t.text} NOT NULL,
    recipient_key ${t.name} NOT NULL,
    notify ${t.name},
    original_recipient ${t.text},
    relay ${t.name} NOT NULL,
    state ${t.name} NOT NULL ${oneOf('state', STATES)},
    reason ${t.name} ${oneOf('reason', REASONS)},
    priority ${t.integer} NOT NULL CHECK (priority BETWEEN 0 AND 3),
    due_at ${t.integer} NOT NULL,
    expires_at ${t.integer} NOT NULL,
    delay_report_at ${t.integer},
    changed_at ${t.integer} NOT NULL,
    attempts ${t.integer} DEFAULT 0 NOT NULL CHECK (attempts >= 0),
    last_attempt_at ${t.integer},
    reply_code ${t.integer},
    reply_status ${t.name},
    reply_text ${t.text},
    reply_ours ${t.integer} DEFAULT 0 NOT NULL CHECK (reply_ours IN (0, 1)),
    in_doubt ${t.integer} DEFAULT 0 NOT NULL CHECK (in_doubt IN (0, 1)),
    delay_reported ${t.integer} DEFAULT 0 NOT NULL CHECK (delay_reported IN (0, 1)),
    token ${t.id},
    holder ${t.id},
    claimed_at ${t.integer},
    lease_until ${t.integer},
    PRIMARY KEY (id, ordinal),
    CHECK ((state = 'sending') = (token IS NOT NULL)),
    CHECK ((token IS NULL) = (lease_until IS NULL) AND (token IS NULL) = (claimed_at IS NULL)),
    CHECK ((reply_code IS NULL) = (reply_text IS NULL))
  )${tableOptions}`;
}

/** The log: one line for each claim of a delivery that led to a try; tokens rise, so the key is also the order. */
function attempts({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_attempts (
    id ${t.id} NOT NULL,
    token ${t.id} NOT NULL,
    ordinal ${t.integer} NOT NULL,
    started_at ${t.integer} NOT NULL,
    duration_ms ${t.integer} NOT NULL,
    relay ${t.text} NOT NULL,
    outcome ${t.name} NOT NULL ${oneOf('outcome', OUTCOMES)},
    reply_code ${t.integer},
    reply_status ${t.name},
    reply_text ${t.text},
    PRIMARY KEY (id, token, ordinal)
  )${tableOptions}`;
}

/**
 * Relays that somebody paused, that had faults, that have rates or that a server knows. `probing_until` is the lease of the one probe that is under way;
 * `suspects` a list in JSON; `share_changes` counts how often the parts of
 * the connections changed: a process came or went, or the pace became another.
 */
function relays({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_relays (
    relay ${t.name} NOT NULL PRIMARY KEY,
    paused_at ${t.integer},
    paused_by ${t.text},
    faults ${t.integer} DEFAULT 0 NOT NULL CHECK (faults >= 0),
    fault_since ${t.integer},
    probe_at ${t.integer},
    probing_until ${t.integer},
    prober ${t.id},
    fault_for_all ${t.integer} DEFAULT 0 NOT NULL CHECK (fault_for_all IN (0, 1)),
    suspects ${t.text},
    mended_at ${t.integer},
    reply_code ${t.integer},
    reply_status ${t.name},
    reply_text ${t.text},
    rate_logs ${t.text},
    limited_until ${t.integer},
    known_since ${t.integer},
    sent_at ${t.integer},
    share_changes ${t.integer} DEFAULT 0 NOT NULL,
    pace ${t.integer} CHECK (pace >= 1),
    rests ${t.integer} DEFAULT 0 NOT NULL CHECK (rests >= 0),
    rest_until ${t.integer},
    slowed_at ${t.integer},
    pace_at ${t.integer},
    slow_code ${t.integer},
    slow_status ${t.name},
    slow_text ${t.text},
    CHECK ((pace IS NULL) = (slowed_at IS NULL) AND (pace IS NULL) = (pace_at IS NULL) AND (pace IS NULL) = (slow_text IS NULL)),
    CHECK ((faults = 0) = (fault_since IS NULL) AND (faults = 0) = (probe_at IS NULL))
  )${tableOptions}`;
}

function suppressions({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_suppressions (
    target ${t.name} NOT NULL PRIMARY KEY,
    reason ${t.text} NOT NULL,
    since ${t.integer} NOT NULL,
    until_at ${t.integer},
    note ${t.text}
  )${tableOptions}`;
}

/** Who changed what, in the order of its ids. */
function audit({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_audit (
    id ${t.id} NOT NULL PRIMARY KEY,
    noted_at ${t.integer} NOT NULL,
    actor ${t.name} NOT NULL,
    role ${t.name} NOT NULL,
    address ${t.text},
    action ${t.name} NOT NULL,
    what ${t.text} NOT NULL,
    reason ${t.text},
    affected ${t.integer},
    result ${t.name} NOT NULL CHECK (result IN ('begun', 'done', 'failed')),
    error ${t.text}
  )${tableOptions}`;
}

function nodes({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_nodes (
    id ${t.id} NOT NULL PRIMARY KEY,
    host ${t.text} NOT NULL,
    place ${t.text} NOT NULL,
    pid ${t.integer} NOT NULL,
    role ${t.name} NOT NULL,
    started_at ${t.integer} NOT NULL,
    seen_at ${t.integer} NOT NULL
  )${tableOptions}`;
}

/** Who has how many of a relay's connections, until when; `used` is the most that stood at once lately. */
function shares({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_shares (
    relay ${t.name} NOT NULL,
    node ${t.id} NOT NULL,
    connections ${t.integer} NOT NULL CHECK (connections >= 0),
    used ${t.integer} NOT NULL CHECK (used >= 0),
    until_at ${t.integer} NOT NULL,
    PRIMARY KEY (relay, node)
  )${tableOptions}`;
}

/** A row while this database is an unfinished copy: of which queue. */
function copy({ types: t, tableOptions }: Dialect): string {
  return `CREATE TABLE posthaste_copy (
    source ${t.name} NOT NULL PRIMARY KEY,
    began_at ${t.integer} NOT NULL
  )${tableOptions}`;
}

/** Rows of the counter of changes that transactions share: two that end at the same time seldom want the same one. */
export const NEWS_SLOTS = 64;

/** Counts what was written, in as many rows as it takes not to make every commit wait for the one before; their sum is the mark. */
function news({ types: t, tableOptions }: Dialect): string[] {
  const slots = Array.from({ length: NEWS_SLOTS }, (_, slot) => `(${slot}, 0)`);
  return [
    `CREATE TABLE posthaste_news (
    slot ${t.integer} NOT NULL PRIMARY KEY,
    mark ${t.integer} NOT NULL
  )${tableOptions}`,
    `INSERT INTO posthaste_news (slot, mark) VALUES ${slots.join(', ')}`,
  ];
}

/**
 * Each costs every submission its share (docs/decisions/0006-store-schema.md): one index, one question. Those on a state and
 * something else begin with the state, also where they hold no other: else the planner may prefer `posthaste_deliveries_state`.
 */
function indexes(dialect: Dialect): string[] {
  const where = (condition: string): string => (dialect.partialIndexes ? ` WHERE ${condition}` : '');
  // What the condition of the index says already.
  const known = (column: string): string => (dialect.partialIndexesKeepKnown ? `${column}, ` : '');
  return [
    'CREATE INDEX posthaste_messages_sender ON posthaste_messages (sender_key, id)',
    // Whose contents are to go when all has ended.
    `CREATE INDEX posthaste_messages_drop ON posthaste_messages (${known('drop_content')}id)${where('drop_content = 1')}`,
    'CREATE INDEX posthaste_messages_message_id ON posthaste_messages (message_id_key)',
    // What a claim takes next.
    `CREATE INDEX posthaste_deliveries_due ON posthaste_deliveries (${known('state')}relay, priority, due_at, id, ordinal)${where(dialect.isQueued)}`,
    // What has waited too long; `attempts` lets the deferred ones be counted without their rows.
    `CREATE INDEX posthaste_deliveries_expiry ON posthaste_deliveries (${known('state')}expires_at, attempts)${where(isMortal(dialect))}`,
    // Whose senders are to be told of a delay.
    `CREATE INDEX posthaste_deliveries_late ON posthaste_deliveries (${known('state')}${known('delay_reported')}delay_report_at)${where(isLate(dialect))}`,
    // Lists and sums by state, and the leases: only few are ever sending.
    'CREATE INDEX posthaste_deliveries_state ON posthaste_deliveries (state, id DESC, ordinal)',
    'CREATE INDEX posthaste_deliveries_recipient ON posthaste_deliveries (recipient_key, id)',
    `CREATE INDEX posthaste_deliveries_ended ON posthaste_deliveries (state, changed_at)${where(IS_ENDED)}`,
    // What was deferred or held lately; without partial indexes the one before has them too.
    ...(dialect.partialIndexes
      ? [`CREATE INDEX posthaste_deliveries_tried ON posthaste_deliveries (state, changed_at) WHERE ${IS_TRIED}`]
      : []),
    `CREATE INDEX posthaste_deliveries_doubt ON posthaste_deliveries (${known('in_doubt')}id)${where('in_doubt = 1')}`,
    'CREATE INDEX posthaste_audit_age ON posthaste_audit (noted_at)',
    'CREATE INDEX posthaste_audit_actor ON posthaste_audit (actor, id)',
    'CREATE INDEX posthaste_audit_action ON posthaste_audit (action, id)',
    // What is next, what its message told before, and what is too old.
    'CREATE INDEX posthaste_webhook_events_due ON posthaste_webhook_events (webhook, state, due_at, id)',
    'CREATE INDEX posthaste_webhook_events_message ON posthaste_webhook_events (message, place, id)',
    'CREATE INDEX posthaste_webhook_events_age ON posthaste_webhook_events (webhook, state, created_at)',
    'CREATE INDEX posthaste_staging_age ON posthaste_staging (staged_at)',
  ];
}
