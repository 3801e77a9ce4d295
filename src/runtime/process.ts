/** Processes of this machine: which of them we can see, and whether they live. */
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Instant } from './clock.ts';

/**
 * Where a process number means something. Two containers may have the same host name and the same process numbers: on Linux their
 * namespaces tell them apart.
 */
export function placeOf(host: string): string {
  return `${host} ${processNamespace()}`;
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return process.platform;
  }
}

/** As this machine's clock had it when this file was loaded; the same for all threads of the process, but for what the clock was set since. */
export const PROCESS_STARTED: Instant = Date.now() - process.uptime() * 1_000;

/** EPERM means that it lives and belongs to somebody else. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** False where one can see that it lives no more; of other places one cannot. */
export function mayLive({ place, pid }: { readonly place: string; readonly pid: number }): boolean {
  return place !== placeOf(hostname()) || isAlive(pid);
}
