/** How a transaction of an application on MySQL tells other processes that it was committed: in rows of its own of the counter of changes. */
import type { Database } from '../database.ts';
import { NEWS_SLOTS } from '../schema.ts';

/** Rows that are folded at once. */
const SOME = 500;

/** A row that exists would stay locked as long as the application's transaction lasts; a new one is nobody else's. */
export function ownNews(): string {
  const slot = NEWS_SLOTS + Math.floor(Math.random() * 2 ** 47);
  return `INSERT INTO posthaste_news (slot, mark) VALUES (${slot}, 1) ON DUPLICATE KEY UPDATE mark = mark + 1`;
}

/** Adds such rows to one of the queue's own, until none is left. Their sum, which is the mark, stays the same. */
export async function foldNews(database: Database): Promise<void> {
  const { rows: any } = await database.query(`SELECT slot FROM posthaste_news WHERE slot >= ${NEWS_SLOTS} LIMIT 1`, []);
  for (let found = any.length > 0 ? SOME : 0; found === SOME; ) found = await foldSome(database);
}

/** How many were folded. */
function foldSome(database: Database): Promise<number> {
  return database.transaction(async (tx) => {
    const some = `SELECT slot, mark FROM posthaste_news WHERE slot >= ${NEWS_SLOTS} ORDER BY slot LIMIT ${SOME} FOR UPDATE SKIP LOCKED`;
    const { rows } = await tx.query(some, []);
    const sum = rows.reduce((total, { mark }) => total + Number(mark), 0);
    if (sum === 0) return 0;
    await tx.query('UPDATE posthaste_news SET mark = mark + ? WHERE slot = 0', [sum]);
    await tx.query(`DELETE FROM posthaste_news WHERE slot IN (${rows.map(({ slot }) => Number(slot)).join(', ')})`, []);
    return rows.length;
  });
}
