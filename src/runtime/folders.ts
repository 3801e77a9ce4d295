/** Folders: made with those above them, and looked for along links. */
import { existsSync, mkdirSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * For their owner alone. Not by `recursive`: Node never ends where a folder is there and none can be made in it, as in /proc. What is
 * there and no folder is left to who uses it.
 */
export function makeFolders(path: string): void {
  if (existsSync(path)) return;
  const above = dirname(path);
  if (above !== path) makeFolders(above);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!existsSync(path)) throw faultOf(path, error as NodeJS.ErrnoException);
  }
}

/** The system says of a link that leads nowhere that there is a file, and of a folder that is there that it is not. */
function faultOf(path: string, error: NodeJS.ErrnoException): Error {
  const inVain = error.code === 'ENOENT' ? `the folder ${path} cannot be made: ${dirname(path)} takes none` : null;
  const text = deadLinkOn(path) ?? inVain;
  return text === null ? error : Object.assign(new Error(text, { cause: error }), { code: 'ENOENT' });
}

/** The symbolic link on the way to a folder that leads nowhere, in words; null: there is none. */
export function deadLinkOn(path: string): string | null {
  const above = dirname(path);
  if (existsSync(path) || above === path) return null;
  const target = targetOf(path);
  return target === null ? deadLinkOn(above) : `the symbolic link ${path} leads to ${target}, which is not there`;
}

function targetOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    // No link, or nothing at all.
    return null;
  }
}
