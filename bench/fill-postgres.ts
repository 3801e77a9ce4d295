/** PostgreSQL takes millions of rows three times as fast when it builds most of their indexes afterwards. */
import type { Client } from 'pg';

const TABLES = ['posthaste_messages', 'posthaste_deliveries', 'posthaste_attempts'];

/** Tables that change all the time, cleaned by the server itself or not. */
export async function setAutovacuum(client: Client, on: boolean): Promise<void> {
  for (const table of TABLES) await client.query(`ALTER TABLE ${table} SET (autovacuum_enabled = ${on})`);
}

/** Whatever `work` fills has its indexes, statistics and map of visible pages at the end, as if autovacuum had come. */
export async function withoutIndexes(url: string, work: () => Promise<void>): Promise<void> {
  const { default: pg } = await import('pg');
  const client = new pg.Client(url);
  await client.connect();
  try {
    await setAutovacuum(client, false);
    const { rows } = await client.query<{ readonly name: string; readonly made: string }>(
      "SELECT indexname AS name, indexdef AS made FROM pg_indexes WHERE tablename = ANY ($1) AND indexname NOT LIKE '%_pkey'",
      [TABLES],
    );
    for (const { name } of rows) await client.query(`DROP INDEX ${name}`);
    await work();
    await client.query("SET maintenance_work_mem = '512MB'");
    for (const { made } of rows) await client.query(made);
    for (const table of TABLES) await client.query(`VACUUM (ANALYZE) ${table}`);
    await setAutovacuum(client, true);
  } finally {
    await client.end();
  }
}
