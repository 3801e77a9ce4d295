/** A server that keeps nothing it could find again: what is left of a message's time when a queue takes none, the bound for every contender. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contender, START_MS } from './contender.ts';
import { end, start } from './processes.ts';
import { freePort, untilReady } from './smtp.ts';

const SERVER = fileURLToPath(new URL('floor-server.ts', import.meta.url));

/** For `accept` and `end-to-end`: it has no queue. */
export const floor: Contender = {
  name: 'floor',
  version: () => 'floor: answers, one synced write, and one transaction to the relay, in Node.js',
  async start({ folder, relayPort, held }) {
    const port = await freePort();
    const relay = held ? [] : [String(relayPort)];
    const child = start(process.execPath, [SERVER, String(port), join(folder, 'written'), ...relay]);
    await untilReady(port, START_MS);
    return {
      port,
      pid: child.pid ?? 0,
      stop: () => end(child),
      restartOpen: () => Promise.reject(new Error('the floor has no queue that could be drained')),
    };
  },
};
