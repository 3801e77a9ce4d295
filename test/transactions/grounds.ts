/** Databases for the facts about transactions: one for each test, or for each file, with the application's own table in it. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { temporaryFolder } from '../support/posthaste.ts';
import { TestDatabase, type TestServer } from '../support/servers.ts';
import type { Ground } from './conformance.ts';

export const NOTES = 'CREATE TABLE notes (text VARCHAR(200) NOT NULL)';

export async function sqliteGround(): Promise<Ground> {
  const folder = temporaryFolder();
  const [here, elsewhere] = ['app.db', 'elsewhere.db'].map((name) => join(folder.path, name)) as [string, string];
  for (const path of [here, elsewhere]) {
    const db = new Sqlite(path);
    db.exec(NOTES);
    // What an application may well have.
    db.exec('CREATE TABLE messages (text TEXT)');
    db.close();
  }
  return { url: here, elsewhere, remove: async () => folder[Symbol.dispose]() };
}

/** A database of the file's own on a server, made once: to be cleared, not made, for each test. */
export class ServerGrounds {
  readonly #server: TestServer;
  #databases: TestDatabase[] = [];

  constructor(server: TestServer) {
    this.#server = server;
  }

  async ground(): Promise<Ground> {
    if (this.#databases.length === 0) await this.#make();
    const [here, elsewhere] = this.#databases as [TestDatabase, TestDatabase];
    const clear = async (): Promise<void> => {
      await here.clear();
      for (const database of this.#databases) await database.run('DELETE FROM notes');
    };
    return { url: here.url, elsewhere: elsewhere.url, remove: clear };
  }

  async #make(): Promise<void> {
    this.#databases = [await TestDatabase.make(this.#server), await TestDatabase.make(this.#server)];
    for (const database of this.#databases) await database.run(NOTES, 'CREATE TABLE messages (text VARCHAR(9))');
  }

  async drop(): Promise<void> {
    for (const database of this.#databases) await database.drop();
  }
}
