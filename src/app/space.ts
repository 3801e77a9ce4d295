/** The free space under the database: whether there is room for new mail. */
import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config/settings.ts';
import { deadLinkOn } from '../runtime/folders.ts';
import type { SpaceOptions } from '../submission/smtp/space.ts';

/** Where octets run out first: the disk under a SQLite file. null for a database on a server. */
export function spaceOptions(config: Config): SpaceOptions | null {
  const file = /^sqlite:(.*)$/s.exec(config.database)?.[1];
  if (file === undefined) return null;
  const freeSpace = async (): Promise<number> => {
    const dead = deadLinkOn(dirname(file));
    if (dead !== null) throw new Error(dead);
    const { bavail, bsize } = await diskOf(dirname(file));
    return bavail * bsize;
  };
  return { freeSpace, minimum: config.minFreeSpace };
}

/** A folder that is not there yet will be on the disk of the one above it. */
async function diskOf(folder: string): Promise<StatsFs> {
  try {
    return await statfs(folder);
  } catch (error) {
    const above = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) throw error;
    return diskOf(above);
  }
}

/** What is free there now, and what must stay free; null for a database on a server. */
export async function spaceOf(config: Config): Promise<{ readonly free: number; readonly minimum: number } | null> {
  const space = spaceOptions(config);
  return space === null ? null : { free: await space.freeSpace(), minimum: space.minimum };
}

/** With less, the next write of the database may fail: SQLite writes a log first. */
const NOTHING_LEFT = 1_000_000;

/** For who watches the queue from outside, and does not know the limit of a server that runs; with what else stops. null while there is room. */
export async function spaceProblem(config: Config): Promise<string | null> {
  const space = await spaceOf(config);
  if (space === null || space.free >= space.minimum) return null;
  const fault = `${shortage(space)}, as this command has it: a server with the same limit refuses new mail (452 4.3.1), and its own may differ`;
  return space.free >= NOTHING_LEFT
    ? fault
    : `${fault}. It is too little to send mail either, as each attempt is written down before it is made: make room, it goes on by itself then`;
}

/** Why the disk has no room for new mail, in a sentence; null while it has. */
export async function spaceFault(config: Config): Promise<string | null> {
  const space = await spaceOf(config);
  if (space === null || space.free >= space.minimum) return null;
  return `${shortage(space)}: new mail is refused (452 4.3.1)`;
}

function shortage({ free, minimum }: { readonly free: number; readonly minimum: number }): string {
  const [left, least] = [free, minimum].map((octets) => `${Math.floor(octets / 1e6)} MB`);
  return `the disk of the database has ${left} free, less than minFreeSpace (${least})`;
}
