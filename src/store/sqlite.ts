/** A store in a SQLite file: every call goes to a thread of its own, so that no sync ever stops the event loop. */
import { PosthasteError } from '../errors.ts';
import type { RerouteOptions, Store } from '../queue/store.ts';
import { SqliteThread } from './sqlite-client.ts';
import { unavailable } from './sqlite-connection.ts';
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
  edge: 'look',
  changed: 'look',
  get: 'keep',
  contentChunk: 'keep',
  count: 'look',
  counts: 'look',
  flow: 'look',
  lastSent: 'look',
  purge: 'keep',
  purgeable: 'look',
  dropContents: 'keep',
  sweepStaged: 'keep',
  relays: 'keep',
  noteRelay: 'keep',
  noteSent: 'keep',
  deferredOf: 'look',
  pauseRelay: 'keep',
  faultRelay: 'keep',
  healRelay: 'keep',
  endProbe: 'keep',
  slowRelay: 'keep',
  suppress: 'keep',
  unsuppress: 'keep',
  suppressing: 'keep',
  suppressions: 'keep',
  keepAudit: 'keep',
  endAudit: 'keep',
  audit: 'look',
  purgeAudit: 'keep',
  registerWebhooks: 'keep',
  webhooks: 'keep',
  webhookCounts: 'look',
  leaseWebhooks: 'keep',
  releaseWebhooks: 'keep',
  dueWebhookEvents: 'look',
  endWebhookEvents: 'keep',
  expireWebhookEvents: 'keep',
  webhookEvents: 'look',
  resendWebhookEvents: 'keep',
  enableWebhook: 'keep',
  purgeWebhooks: 'keep',
  heartbeat: 'keep',
  forgetNode: 'keep',
  nodes: 'keep',
  holdings: 'keep',
  changeMark: 'keep',
};

/** Opens the file, makes it where there is none, and brings its tables up to date. `apart`: in a process of its own. */
export async function openSqlite(path: string, apart = false): Promise<Store> {
  const keeper = new SqliteThread({ path, role: 'keep', apart });
  const looker = new SqliteThread({ path, role: 'look', apart });
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

/**
 * The same in this thread, for a command of the moment, which has nothing else to do while a sync lasts: two threads cost it more
 * than all that it asks of the database.
 */
export async function openSqliteHere(path: string): Promise<Store> {
  try {
    const { openToKeep } = await import('./sqlite-open.ts');
    const { store, close } = await openToKeep(path);
    const callOf = (method: Method) => (store[method] as (...args: readonly unknown[]) => Promise<unknown>).bind(store);
    const calls = Object.keys(PLACES).map((method) => [method, callOf(method as Method)]);
    return { ...Object.fromEntries(calls), close } as Store;
  } catch (error) {
    throw error instanceof PosthasteError ? error : unavailable(path, error);
  }
}
