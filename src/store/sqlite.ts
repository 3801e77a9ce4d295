/** A store in a SQLite file: every call goes to a thread of its own, so that no sync ever stops the event loop. */
import type { RerouteOptions, Store } from '../queue/store.ts';
import { SqliteThread } from './sqlite-client.ts';
import type { Method, ThreadData } from './sqlite-wire.ts';

/**
 * Where each method is carried out: `keep` is the thread that commits. `look` is a second one, for searches that may read
 * millions of rows and must hold up no commit.
 */
const PLACES: Readonly<Record<Method, ThreadData['role']>> = {
  insert: 'keep',
  stage: 'keep',
  unstage: 'keep',
  claim: 'keep',
  claimExpired: 'keep',
  late: 'keep',
  reportDelays: 'keep',
  renew: 'keep',
  settle: 'keep',
  release: 'keep',
  reclaim: 'keep',
  nextDue: 'keep',
  move: 'keep',
  reroute: 'keep',
  find: 'look',
  get: 'keep',
  contentChunk: 'keep',
  count: 'look',
  counts: 'look',
  purge: 'keep',
  sweepStaged: 'keep',
  relays: 'keep',
  noteRelay: 'keep',
  pauseRelay: 'keep',
  faultRelay: 'keep',
  healRelay: 'keep',
  slowRelay: 'keep',
  suppress: 'keep',
  unsuppress: 'keep',
  suppressions: 'keep',
  heartbeat: 'keep',
  forgetNode: 'keep',
  nodes: 'keep',
  changeMark: 'keep',
};

/** Opens the file, makes it where there is none, and brings its tables up to date. */
export async function openSqlite(path: string): Promise<Store> {
  const keeper = new SqliteThread({ path, role: 'keep' });
  const looker = new SqliteThread({ path, role: 'look' });
  await keeper.ready();
  const callOf = (method: Method) => {
    return (...args: readonly unknown[]): Promise<unknown> => {
      const counts = (method === 'move' || method === 'reroute') && (args[2] as RerouteOptions).dryRun === true;
      return (counts || PLACES[method] === 'look' ? looker : keeper).call(method, args);
    };
  };
  const calls = Object.keys(PLACES).map((method) => [method, callOf(method as Method)]);
  const close = async (): Promise<void> => {
    // The keeper goes last: it is the one that may empty the log.
    await looker.close();
    await keeper.close();
  };
  return { ...Object.fromEntries(calls), close } as Store;
}
