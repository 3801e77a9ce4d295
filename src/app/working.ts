/** Who works on a queue, asked from outside. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Node } from '../queue/relay-store.ts';
import { isRelaylessNode, isSeen } from '../queue/why.ts';
import { systemClock } from '../runtime/clock.ts';
import { mayLive, placeOf } from '../runtime/process.ts';
import { databaseFile, type OpenDatabase, openDatabase } from '../store/open.ts';
import { nodes, relays } from '../store/sql-relays.ts';

/** Of an open database, whose tables may be missing. */
export async function workersOf({ database, dialect }: OpenDatabase): Promise<readonly Node[]> {
  const known = await nodes(database, 0).catch((error: unknown) => {
    if (dialect.isMissingTable(error)) return [];
    throw error;
  });
  return known.filter(isWorking);
}

/** Of a process of this machine one can see whether it lives, of others only that they did lately. */
function isWorking(node: Node): boolean {
  if (!isSeen(node, systemClock.now()) || !mayLive(node)) return false;
  return node.pid !== process.pid || node.place !== placeOf(hostname());
}

/** A process, and whether it was started with a relay. */
export interface Working extends Node {
  readonly hasRelay: boolean;
}

/** Of the database of this URL, of which nothing is made or changed. */
export async function workersOn(url: string): Promise<readonly Working[]> {
  const file = databaseFile(url);
  if (file !== null && !existsSync(file)) return [];
  const open = await openDatabase(url);
  try {
    const working = await workersOf(open);
    // Who has a relay notes it before it shows itself; who starts without one on such a queue says so.
    const known = (await relays(open.database)).map(({ knownSince }) => knownSince ?? Number.POSITIVE_INFINITY);
    const since = Math.min(...known);
    return working.map((node) => ({ ...node, hasRelay: !isRelaylessNode(node) && since <= node.startedAt }));
  } finally {
    await open.close();
  }
}
