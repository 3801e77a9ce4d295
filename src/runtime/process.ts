/** Processes of this machine: which of them we can see, and whether they live. */
import { readlinkSync } from 'node:fs';

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

/** EPERM means that it lives and belongs to somebody else. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
