/** Where the SQLite of a store runs: in a thread of this process, or in a process of its own. */
import { fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import type { Answer, Call, ThreadData } from './sqlite-wire.ts';
import { threadFile } from './sqlite-wire.ts';

export interface Host {
  post(call: Call, transfer: ArrayBuffer[]): void;
  /** While it is referenced it keeps this process alive. */
  ref(): void;
  unref(): void;
  /** At once, whatever it does. */
  end(): void;
}

export interface Listener {
  hear(answer: Answer): void;
  /** May be called more than once. */
  ended(cause: Error): void;
}

export function startThread(data: ThreadData, { hear, ended }: Listener): Host {
  // `node --input-type=module -e ...` is of the program alone: a thread that inherits it does not start.
  const evaluated = process.execArgv.some((flag) => flag.startsWith('--input-type'));
  const worker = new Worker(threadFile('sqlite-thread'), { workerData: data, ...(evaluated && { execArgv: [] }) });
  worker.on('message', hear);
  worker.on('error', ended);
  worker.on('exit', () => ended(new Error('its thread ended')));
  return {
    post: (call, transfer) => worker.postMessage(call, transfer),
    ref: () => worker.ref(),
    unref: () => worker.unref(),
    end: () => void worker.terminate(),
  };
}

/**
 * Beside a library of the application's that has the same file open with a SQLite of its own: two of them in one process take away each
 * other's locks (sqlite.org/howtocorrupt.html 2.2.1).
 */
export function startProcess(data: ThreadData, { hear, ended }: Listener): Host {
  const child = fork(threadFile('sqlite-thread'), [JSON.stringify(data)], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // A debugger's port is taken by this process.
    execArgv: [],
  });
  child.on('message', (answer) => hear(answer as Answer));
  child.on('error', ended);
  child.on('exit', () => ended(new Error('its process ended')));
  return {
    post: (call) => void child.send(call, () => undefined),
    ref: () => {
      child.ref();
      child.channel?.ref();
    },
    unref: () => {
      child.unref();
      child.channel?.unref();
    },
    end: () => void child.kill('SIGKILL'),
  };
}
