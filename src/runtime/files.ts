/** How many files and sockets this process may have open, and has: where the system tells, which is Linux. */
import { readdirSync, readFileSync } from 'node:fs';

export interface FileRoom {
  readonly limit: number;
  readonly open: number;
}

/** null: not known, or no limit. */
export function fileRoom(): FileRoom | null {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return limit === undefined ? null : { limit: Number(limit), open: readdirSync('/proc/self/fd').length };
  } catch {
    // Another system, or a /proc that is hidden: nothing is known, and nothing is bounded by it.
    return null;
  }
}

/** What is left for clients when `reserved` more are kept for other things; one at least. */
export function roomForClients({ limit, open }: FileRoom, reserved: number): number {
  return Math.max(1, limit - open - reserved);
}
