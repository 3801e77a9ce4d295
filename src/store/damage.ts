/** Damage in a SQLite file: what a process finds of it in passing, and a look for it. It does not pass by itself. */
import { isStoreAway } from '../errors.ts';
import type { Node } from '../queue/relay-store.ts';
import type { Store } from '../queue/store.ts';
import { damagedRole } from '../queue/why.ts';
import { databaseFile } from './open.ts';

type Method = (...args: unknown[]) => Promise<unknown>;

function isDamage(error: unknown): boolean {
  return isStoreAway(error) && /\(SQLITE_(?:CORRUPT|NOTADB)/.test((error as Error).message);
}

/**
 * Notes what any call of a store finds. Once found it stands as long as the process: a heartbeat that reaches sound pages says nothing
 * of the others, and tells all who read the nodes.
 */
export class DamageWatch {
  #found = false;
  #refuses = false;

  /** The last message was not kept because of it. */
  get refuses(): boolean {
    return this.#refuses;
  }

  /** The store of a file, whose methods are its own and need no `this`. */
  watch(store: Store): Store {
    const calls = Object.entries(store).map(([name, call]) => [name, this.#watched(name, call as Method)]);
    return Object.fromEntries(calls) as Store;
  }

  #watched(name: string, call: Method): Method {
    return async (...args) => {
      try {
        const result = await call(...(name === 'heartbeat' ? this.#marked(args) : args));
        if (name === 'insert') this.#refuses = false;
        return result;
      } catch (error) {
        if (isDamage(error)) this.#note(name);
        throw error;
      }
    };
  }

  #note(name: string): void {
    this.#found = true;
    if (name === 'insert' || name === 'stage') this.#refuses = true;
  }

  #marked([node, ...rest]: unknown[]): unknown[] {
    const { role, ...others } = node as Node;
    return [{ ...others, role: this.#found ? damagedRole(role) : role }, ...rest];
  }
}

/** Reads all of a SQLite file. The first thing that is wrong with it; null: nothing is, or the database is on a server. */
export async function damageIn(url: string): Promise<string | null> {
  const path = databaseFile(url);
  if (path === null) return null;
  const { SqliteConnection } = await import('./sqlite-connection.ts');
  const connection = new SqliteConnection(path);
  try {
    const said = String(connection.pragma('quick_check(1)'));
    return said === 'ok' ? null : said.replace('*** in database main ***', '').replace(/\s+/g, ' ').trim();
  } finally {
    connection.close();
  }
}
