/** One digest for what a span of a queue says, the same on every engine. */
import { createHash, type Hash } from 'node:crypto';
import { chunksOf, type Part, rowsOf, type Span } from './copy-parts.ts';
import type { Database, Row, Value } from './database.ts';

/** SHA-256 over all values of all rows, and over all contents, chunk by chunk. */
export async function digestOf(database: Database, part: Part, span: Span): Promise<string> {
  const hash = createHash('sha256');
  const tables = await database.snapshot((tx) => rowsOf(tx, part, span));
  for (const rows of tables) {
    hash.update(`${rows.length} rows;`);
    for (const row of rows) addRow(hash, row);
  }
  for (const { id, chunks } of part.chunked ? (tables[0] ?? []) : []) {
    if (chunks === 0) continue;
    for await (const { sequence, bytes } of chunksOf(database, id as Value)) {
      hash.update(`${sequence}:`);
      addValue(hash, bytes);
    }
  }
  return hash.digest('hex');
}

/** By name, as engines may give columns in another order. */
function addRow(hash: Hash, row: Row): void {
  for (const name of Object.keys(row).toSorted()) {
    hash.update(name);
    addValue(hash, row[name] as Value);
  }
}

/** With kind and length before it, so that no two rows look alike. */
function addValue(hash: Hash, value: Value): void {
  if (value === null) hash.update('n;');
  else if (typeof value === 'number') hash.update(`i${value};`);
  else if (typeof value === 'string') hash.update(`s${value.length};`).update(value);
  else hash.update(`b${value.byteLength};`).update(value);
}
