/** From a store to the transactions that applications may have on its database. */
import type { Store } from '../../queue/store.ts';
import { sqlitePath } from '../open.ts';
import { SqlStore } from '../sql-store.ts';
import type { Engine } from './caller.ts';
import { Callers } from './callers.ts';
import { serverPlace, sqlitePlace } from './place.ts';

/** `url`: what the store was opened with. */
export async function openCallers(url: string, store: Store): Promise<Callers> {
  if (!(store instanceof SqlStore)) return new Callers(sqlitePlace(sqlitePath(url)));
  const { dialect } = store;
  const engine: Engine = dialect.engine === 'PostgreSQL' ? 'PostgreSQL' : 'MySQL';
  return new Callers(serverPlace(engine, dialect, await store.identity(), await store.mayIsolate()));
}
