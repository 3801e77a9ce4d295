/** Submits one message after the other at a steady rate, and tells by IPC when each was committed. Its setting is its one argument, as JSON. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openQueue } from 'posthaste';

export interface Submitting {
  readonly database: string;
  readonly dataDir: string;
  /** Messages a second. */
  readonly rate: number;
  readonly messages: number;
}

/** Time of `process.hrtime`, which all processes of a machine share, in ms. */
export interface Committed {
  readonly name: string;
  readonly at: number;
}

const { database, dataDir, rate, messages } = JSON.parse(process.argv[2] ?? '') as Submitting;
const tell = (committed: Committed): void => void process.send?.(committed);
const text = 'Thank you for signing up. '.repeat(60);

const queue = await openQueue({ database, dataDir });
const begun = performance.now();
for (let n = 0; n < messages; n++) {
  // Somewhere in its part of the time, so that it meets every moment of a look or of a pause.
  const at = begun + ((n + Math.random()) * 1000) / rate;
  await sleep(Math.max(0, at - performance.now()));
  const name = `n${n}`;
  await queue.submit({ from: `${name}@example.com`, to: 'user@example.org', subject: 'Welcome', text });
  tell({ name, at: Number(process.hrtime.bigint()) / 1e6 });
}
await queue.close();
