/** Mail in synchronous transactions of libraries that are called as better-sqlite3 is, or stand on it. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MailQueue, openQueue } from '../../src/index.ts';
import { temporaryFolder } from '../support/posthaste.ts';
import { load, loadDefault, there, type Untyped } from './modules.ts';

const mail = { from: 'ann@example.com', to: 'bob@example.org', subject: 'one', text: 'one\n' };

let folder: ReturnType<typeof temporaryFolder>;
let file: string;
let queue: MailQueue;

beforeEach(async () => {
  folder = temporaryFolder();
  file = join(folder.path, 'app.db');
  queue = await openQueue({ dataDir: folder.path, database: file });
});

afterEach(async () => {
  await queue.close();
  folder[Symbol.dispose]();
});

describe.skipIf(!there)('a synchronous transaction', () => {
  test('of Drizzle over better-sqlite3 keeps prepared mail, or takes it back', async () => {
    const Sqlite = await loadDefault('better-sqlite3');
    const { drizzle } = await load('drizzle-orm/better-sqlite3');
    const client = new Sqlite(file);
    const db = drizzle(client);
    const [kept, dropped] = [await queue.prepare(mail), await queue.prepare(mail)];
    expect(() => kept.submitSync(db)).toThrow('The transaction is a Drizzle database, not a transaction');
    db.transaction((tx: Untyped) => kept.submitSync(tx), { behavior: 'immediate' });
    const undone = (): void => {
      db.transaction((tx: Untyped) => {
        dropped.submitSync(tx);
        tx.rollback();
      });
    };
    expect(undone).toThrow();
    client.close();
    expect([await queue.count(), (await queue.get(kept.id))?.message.id]).toEqual([1, kept.id]);
  });

  test('of libsql keeps prepared mail, or takes it back', async () => {
    const Libsql = await loadDefault('libsql');
    const db = new Libsql(file);
    const [kept, dropped] = [await queue.prepare(mail, { key: 'a' }), await queue.prepare(mail)];
    expect(() => kept.submitSync(db)).toThrow('has no transaction open');
    expect(db.transaction(() => kept.submitSync(db))()).toMatchObject({ duplicate: false });
    const undone = db.transaction(() => {
      dropped.submitSync(db);
      throw new Error('undone');
    });
    expect(undone).toThrow('undone');
    const again = await queue.prepare(mail, { key: 'a' });
    expect(db.transaction(() => again.submitSync(db))()).toMatchObject({ id: kept.id, duplicate: true });
    db.close();
    expect(await queue.count()).toBe(1);
  });
});
