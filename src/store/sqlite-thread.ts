/** The thread, or the process, in which a SQLite store lives: carries out calls and answers them. */
import { parentPort, workerData } from 'node:worker_threads';
import { unavailable } from './sqlite-connection.ts';
import { type Opened, openToKeep, openToLook } from './sqlite-open.ts';
import { type Answer, type Call, failureOf, type Method, type ThreadData, transferable } from './sqlite-wire.ts';

const { path, role } = (parentPort === null ? JSON.parse(process.argv[2] ?? '') : workerData) as ThreadData;

function answer(message: Answer, transfer: ArrayBuffer[] = [], then: () => void = () => {}): void {
  if (parentPort === null) {
    process.send?.(message, undefined, undefined, then);
    return;
  }
  parentPort.postMessage(message, transfer);
  then();
}

/** Nothing keeps it alive then. */
function hangUp(): void {
  if (parentPort === null) process.disconnect();
  else parentPort.close();
}

function listen(opened: Opened): void {
  if (parentPort !== null) {
    parentPort.on('message', (call: Call) => void carryOut(opened, call));
    return;
  }
  process.on('message', (call: Call) => void carryOut(opened, call));
  // A signal for all of a group is the application's to obey; its end is ours.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  process.on('disconnect', () => void opened.close().finally(() => process.exit()));
}

async function carryOut({ store, close }: Opened, { call, method, args }: Call): Promise<void> {
  try {
    if (method === 'close') {
      await close();
      answer({ call, result: undefined }, [], hangUp);
      return;
    }
    const work = store[method] as (...args: readonly unknown[]) => Promise<unknown>;
    const result = await work.apply(store, args as unknown[]);
    answer({ call, result }, transferable(method as Method, result));
  } catch (error) {
    answer({ call, failure: failureOf(error) });
  }
}

try {
  const opened = role === 'look' ? openToLook(path) : await openToKeep(path);
  listen(opened);
  answer({ ready: true });
} catch (error) {
  const known = error instanceof Error && error.name === 'PosthasteError';
  answer({ unopened: failureOf(known ? error : unavailable(path, error)) });
}
