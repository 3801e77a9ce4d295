/** A queue with very many deliveries, written past the queue: only what reads it is measured. */
import Database from 'better-sqlite3';

const WEEK = 7 * 24 * 60 * 60_000;

/** Up to which of a hundred: nearly all of a queue has been sent. */
const STATES = [
  ["'sent'", 91],
  ["'bounced'", 95],
  ["'queued'", 98],
  ["'held'", 99],
  ["'cancelled'", 100],
] as const;

function stateOf(number: string): string {
  const cases = STATES.map(([state, below]) => `WHEN ${number} % 100 < ${below} THEN ${state}`);
  return `CASE ${cases.join(' ')} END`;
}

/** Messages of the last week, evenly over it, with one recipient each. */
export function fill(path: string, count: number): void {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = OFF');
  const begin = Date.now() - WEEK;
  const numbers = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})`;
  const at = `(${begin} + i * ${WEEK} / ${count})`;
  const id = `unhex(printf('%012x70008%03x%012x', ${at}, i % 4096, i))`;
  database.exec(`
    BEGIN;
    ${numbers} INSERT INTO posthaste_messages
      (id, created_at, sender, sender_key, message_id, message_id_key, subject, subject_key, size, eight_bit, smtputf8, priority,
       origin, tags, metadata, drop_content, chunks, content)
    SELECT ${id}, ${at}, 'shop@example.com', 'example.com@shop', '<' || i || '@example.com>', '<' || i || '@example.com>',
      'Your order ' || i || ' is on its way', 'your order ' || i || ' is on its way', 700, 0, 0, 1, 'library',
      CASE WHEN i % 3 = 0 THEN '["news"]' ELSE '["orders"]' END, '{"order":"' || i || '"}', 0, 0, CAST(printf('%700s', i) AS BLOB)
    FROM n;
    ${numbers} INSERT INTO posthaste_deliveries
      (id, ordinal, recipient, recipient_key, relay, state, reason, priority, due_at, expires_at, changed_at, attempts,
       last_attempt_at, reply_code, reply_status, reply_text)
    SELECT ${id}, 1, 'reader' || i || '@example.org', 'example.org@reader' || i, 'default', ${stateOf('i')},
      CASE WHEN ${stateOf('i')} = 'bounced' THEN 'refused' WHEN ${stateOf('i')} = 'held' THEN 'operator' END, 1,
      ${at} + 60000, ${at} + 432000000, ${at} + 2000, 1, ${at} + 1000, 250, '2.0.0', 'taken'
    FROM n;
    COMMIT;
  `);
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
}
