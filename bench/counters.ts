/** What PostgreSQL counts of its own work: pages, which no other program on the machine makes more or less. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Claim, Store } from '../src/queue/store.ts';
import { openStore } from '../src/store/open.ts';
import { setAutovacuum } from './fill-postgres.ts';
import { claimSome, sent } from './messages.ts';

/** Pages of tables and indexes, in memory or not, for each message. */
export interface Pages {
  readonly claim: number;
  readonly settle: number;
}

type Ask = (sql: string) => Promise<number>;

const TOUCHED = ['heap', 'idx', 'toast', 'tidx']
  .flatMap((part) => [`${part}_blks_hit`, `${part}_blks_read`])
  .map((column) => `COALESCE(SUM(${column}), 0)`)
  .join(' + ');
const SESSIONS =
  "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
/** Until version 14 what a session counted is known half a second after its end. */
const TOLD_AFTER = 1_000;

/** Claims and settles `rounds` times `limit`. Nobody else may have sessions in the database. */
export async function pagesTouched(url: string, rounds: number, limit: number): Promise<Pages> {
  const { default: pg } = await import('pg');
  const client = new pg.Client(url);
  await client.connect();
  const ask: Ask = async (sql) => Number((await client.query<{ n: string }>(sql)).rows[0]?.n);
  try {
    // It would be counted too.
    await setAutovacuum(client, false);
    const claims: Claim[] = [];
    const touched = (work: (store: Store) => Promise<void>): Promise<number> => touchedBy(url, ask, work);
    const claimed = await touched(async (store) => {
      for (let i = 0; i < rounds; i++) claims.push(...(await claimSome(store, limit)));
    });
    const settled = await touched(async (store) => {
      for (let i = 0; i < claims.length; i += limit) await store.settle(sent(claims.slice(i, i + limit)), Date.now());
    });
    await setAutovacuum(client, true);
    if (claims.length !== rounds * limit) throw new Error(`${claims.length} of ${rounds * limit} were claimed`);
    return { claim: claimed / claims.length, settle: settled / claims.length };
  } finally {
    await client.end();
  }
}

async function touchedBy(url: string, ask: Ask, work: (store: Store) => Promise<void>): Promise<number> {
  const read = async (): Promise<number> => {
    while ((await ask(SESSIONS)) > 0) await sleep(10);
    await sleep(TOLD_AFTER);
    return ask(`SELECT ${TOUCHED} AS n FROM pg_statio_user_tables`);
  };
  const before = await read();
  const store = await openStore(url);
  await work(store).finally(() => store.close());
  return (await read()) - before;
}
