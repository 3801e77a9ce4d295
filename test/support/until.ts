/** Waiting for what no event tells of: another process, or a file. */
import { setTimeout as pause } from 'node:timers/promises';

/** Between two looks, ms: without it, who waits takes a processor from what is waited for. */
const LOOK = 20;

/** Resolves once it is so, however long that takes. */
export async function until(fits: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fits())) await pause(LOOK);
}
