/** Takes one message apart, in a thread of its own: what somebody wrote to take long holds up nothing else, and is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { PostalMime } from './exact-mime.ts';

const OPTIONS = { maxNestingDepth: 50, maxHeadersSize: 1_000_000, maxRfc822NestingDepth: 3 } as const;

try {
  parentPort?.postMessage(await PostalMime.parse(workerData as Uint8Array, OPTIONS));
} catch {
  // Nested or long beyond the bounds.
  parentPort?.postMessage(null);
}
