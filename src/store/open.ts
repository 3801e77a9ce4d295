/** From the URL of a database to the store in it. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PosthasteError } from '../errors.ts';
import type { Store } from '../queue/store.ts';
import type { Log } from '../runtime/log.ts';
import { openSqlite } from './sqlite.ts';

export interface OpenOptions {
  readonly log?: Log;
}

const ALLOWED = 'Allowed are sqlite:PATH and a plain path.';

/** `sqlite:PATH`, or a plain path. Makes what is missing and brings an older schema up to date. */
export async function openStore(url: string, options: OpenOptions = {}): Promise<Store> {
  const path = sqlitePath(url);
  const store = await openSqlite(path);
  options.log?.debug({ database: path }, 'database open');
  return store;
}

/** The file that a URL names; a scheme has two letters at least, for the sake of Windows' drives. */
export function sqlitePath(url: string): string {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'sqlite' && scheme !== 'file') {
    throw new PosthasteError('CONFIG_INVALID', `No store for databases of the kind ${scheme}: is known. ${ALLOWED}`);
  }
  const path = pathOf(url, scheme);
  if (path === ':memory:') {
    const why = 'a queue in memory is lost with its process, and every process would have its own';
    throw new PosthasteError('CONFIG_INVALID', `The database cannot be :memory: because ${why}. ${ALLOWED}`);
  }
  if (path === '') throw new PosthasteError('CONFIG_INVALID', `The database names no file. ${ALLOWED}`);
  return resolve(path);
}

/** `sqlite:queue.db`, `sqlite:/var/lib/queue.db` and `sqlite:///var/lib/queue.db` are paths; `file:` is a URL with its escapes. */
function pathOf(url: string, scheme: string | undefined): string {
  if (scheme === undefined) return url;
  if (scheme === 'file') return url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length);
  return url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
}
