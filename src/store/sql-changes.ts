/** What has changed lately, for those who watch: each state is read in the order of its own index. */
import type { Listed, Page } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { idToBytes, isId } from '../runtime/id.ts';
import type { Database } from './database.ts';
import { LISTED_COLUMNS } from './rows.ts';
import { IS_ENDED, IS_TRIED } from './schema.ts';
import type { Condition } from './sql-filter.ts';
import { listed } from './sql-find.ts';

/** States with the condition of the index that has them. */
const WATCHED: readonly (readonly [state: string, condition: string])[] = [
  ['sent', IS_ENDED],
  ['captured', IS_ENDED],
  ['bounced', IS_ENDED],
  ['cancelled', IS_ENDED],
  ['held', IS_TRIED],
  ['queued', IS_TRIED],
];

/** The last change of a page; the next one begins behind it. */
interface Place {
  readonly at: Instant;
  readonly id: Uint8Array;
  readonly ordinal: number;
}

export async function changed(
  database: Database,
  since: Instant,
  page: { readonly limit: number; readonly cursor?: string },
): Promise<Page> {
  const after = placeOf(since, page.cursor);
  const searches = WATCHED.map(([state, condition]) => search(state, condition, after, page.limit + 1));
  const rows = await database.snapshot((tx) => listed(tx, searches));
  rows.sort(inOrder);
  const shown = rows.slice(0, page.limit);
  return { rows: shown, cursor: rows.length > shown.length ? cursorOf(shown.at(-1)) : null };
}

function search(state: string, condition: string, { at, id, ordinal }: Place, limit: number): Condition {
  const sql =
    `SELECT ${LISTED_COLUMNS} FROM posthaste_deliveries d CROSS JOIN posthaste_messages m ` +
    `WHERE d.state = ? AND ${condition} AND d.changed_at >= ? AND m.id = d.id ` +
    'AND (d.changed_at > ? OR d.id > ? OR (d.id = ? AND d.ordinal > ?)) ORDER BY d.changed_at, d.id, d.ordinal LIMIT ?';
  return { sql, values: [state, at, at, id, id, ordinal, limit] };
}

function inOrder(a: Listed, b: Listed): number {
  if (a.changedAt !== b.changedAt) return a.changedAt - b.changedAt;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  return a.ordinal - b.ordinal;
}

/** `TIME:ID:ordinal` of the last row shown. */
function cursorOf(row: Listed | undefined): string | null {
  return row === undefined ? null : `${row.changedAt}:${row.id}:${row.ordinal}`;
}

/** A cursor that no page gave begins from the start. */
function placeOf(since: Instant, cursor = ''): Place {
  const [at, id = '', ordinal] = cursor.split(':');
  if (!isId(id)) return { at: since, id: new Uint8Array(16), ordinal: 0 };
  return { at: Number(at), id: idToBytes(id), ordinal: Number(ordinal) };
}
