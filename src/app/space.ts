/** The free space under the database: whether there is room for new mail. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config/settings.ts';
import type { SpaceOptions } from '../submission/smtp/space.ts';

/** Where octets run out first: the disk under a SQLite file. null for a database on a server. */
export function spaceOptions(config: Config): SpaceOptions | null {
  const file = /^sqlite:(.*)$/s.exec(config.database)?.[1];
  if (file === undefined) return null;
  const freeSpace = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(dirname(file));
    return bavail * bsize;
  };
  return { freeSpace, minimum: config.minFreeSpace };
}

/** What is free there now, and what must stay free; null for a database on a server. */
export async function spaceOf(config: Config): Promise<{ readonly free: number; readonly minimum: number } | null> {
  const space = spaceOptions(config);
  return space === null ? null : { free: await space.freeSpace(), minimum: space.minimum };
}

/** Why the disk has no room for new mail, in a sentence; null while it has. */
export async function spaceFault(config: Config): Promise<string | null> {
  const space = await spaceOf(config);
  if (space === null || space.free >= space.minimum) return null;
  const [left, least] = [space.free, space.minimum].map((octets) => `${Math.floor(octets / 1e6)} MB`);
  return `the disk of the database has ${left} free, less than minFreeSpace (${least}): new mail is refused (452 4.3.1)`;
}
