/** What is peculiar to an application's own SQLite file: synchronous transactions, locks, and two copies of SQLite in one process. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import Sqlite from 'better-sqlite3';
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Mail, type MailQueue, openQueue, type TransactionHandle } from '../../src/index.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { Recorder } from '../support/delivery.ts';
import { started, temporaryFolder } from '../support/posthaste.ts';

const mail = { from: 'ann@example.com', to: 'bob@example.org', subject: 'one', text: 'one\n' };

const SOURCES = new URL('../../src/index.ts', import.meta.url).href;

/** Waits for its end with a transaction open. */
const KILLED = `
import { DatabaseSync } from 'node:sqlite';
const [source, file] = process.argv.slice(2);
const { openQueue } = await import(source);
const queue = await openQueue({ database: file });
const db = new DatabaseSync(file);
db.exec('BEGIN IMMEDIATE');
await queue.submit({ from: 'a@example.com', to: 'b@example.org', text: 'x' }, { transaction: db });
console.log(JSON.stringify({ msg: 'ready' }));
setInterval(() => {}, 60_000);
`;

let folder: ReturnType<typeof temporaryFolder>;
let file: string;
let relay: ScriptedRelay;
let log: Recorder;
let queue: MailQueue;
let db: Sqlite.Database;

beforeEach(async () => {
  folder = temporaryFolder();
  file = join(folder.path, 'app.db');
  relay = await startRelay();
  log = new Recorder();
  const url = `smtp://127.0.0.1:${relay.port}`;
  queue = await openQueue({ dataDir: folder.path, database: `sqlite:${file}`, relay: url, log });
  db = new Sqlite(file);
  db.exec('CREATE TABLE notes (text TEXT NOT NULL)');
});

afterEach(async () => {
  db.close();
  await queue.close();
  await relay.close();
  folder[Symbol.dispose]();
});

const note = (text: string): unknown => db.prepare('INSERT INTO notes VALUES (?)').run(text);
const refused = async (handle: unknown): Promise<unknown> =>
  queue.submit(mail, { transaction: handle as TransactionHandle }).catch((error: unknown) => error);

describe('a synchronous transaction of better-sqlite3', () => {
  test('keeps prepared mail with its rows, and has it sent', async () => {
    await queue.work();
    const prepared = await queue.prepare(mail, { key: 'a' });
    const order = db.transaction(() => {
      note('ordered');
      return prepared.submitSync(db);
    });
    expect(order()).toMatchObject({ id: prepared.id, messageId: prepared.messageId, duplicate: false });
    await log.until('sent');
    expect(relay.received).toHaveLength(1);
    const again = await queue.prepare(mail, { key: 'a' });
    expect(db.transaction(() => again.submitSync(db))()).toMatchObject({ id: prepared.id, duplicate: true });
    const other = await queue.prepare({ ...mail, text: 'other' }, { key: 'a' });
    expect(() => db.transaction(() => other.submitSync(db))()).toThrow(/belongs to message/);
  });

  test('takes it back when it throws', async () => {
    const prepared = await queue.prepare({ ...mail, text: 'x'.repeat(600_000) });
    const order = db.transaction(() => {
      prepared.submitSync(db);
      throw new Error('sold out');
    });
    expect(order).toThrow('sold out');
    expect(await queue.count()).toBe(0);
  });

  test('has to be open', async () => {
    const prepared = await queue.prepare(mail);
    expect(() => prepared.submitSync(db)).toThrow('The better-sqlite3 database has no transaction open');
    expect(await queue.count()).toBe(0);
  });
});

test('prepared mail goes into a synchronous transaction of node:sqlite too', async () => {
  const own = new DatabaseSync(file, { timeout: 5_000 });
  const prepared = await queue.prepare(mail);
  own.exec('BEGIN IMMEDIATE');
  prepared.submitSync(own);
  own.exec('COMMIT');
  own.close();
  expect(await queue.count()).toBe(1);
});

test("Nodemailer's sendMail takes a transaction with the message", async () => {
  const mailer = createTransport(queue.transport());
  const posthaste = { transaction: db };
  db.exec('BEGIN IMMEDIATE');
  await mailer.sendMail({ ...mail, posthaste } as Mail);
  db.exec('ROLLBACK');
  expect(await queue.count()).toBe(0);
  db.exec('BEGIN IMMEDIATE');
  const { id } = await mailer.sendMail({ ...mail, posthaste } as Mail);
  db.exec('COMMIT');
  expect((await queue.get(id))?.message.subject).toBe('one');
});

describe('a handle is refused', () => {
  test.each([
    ['that is null', null, 'The transaction is null, which posthaste does not know. Allowed are'],
    ['that is a text', 'BEGIN', 'The transaction is a string'],
    ['of an unknown class', new URL('http://x'), 'The transaction is a URL'],
    ['whose query() is no adapter', { query: async () => [] }, 'does not answer with { rows, changed }'],
  ])('%s, with what is allowed', async (_, handle, words) => {
    expect(await refused(handle)).toMatchObject({
      code: 'TRANSACTION_UNKNOWN',
      message: expect.stringContaining(words),
    });
  });

  test('that cannot answer at once, by submitSync', async () => {
    const prepared = await queue.prepare(mail);
    const adapter = { query: async () => ({ rows: [], changed: 0 }) };
    expect(() => prepared.submitSync(adapter)).toThrow('use await prepared.submit(tx)');
  });

  test('that has the file of the queue attached only: two files are not committed as one', async () => {
    const other = new Sqlite(join(folder.path, 'other.db'));
    other.prepare('ATTACH ? AS queue').run(file);
    other.exec('BEGIN');
    expect(await refused(other)).toMatchObject({ code: 'TRANSACTION_ELSEWHERE' });
    other.close();
  });

  test('of a database in memory', async () => {
    const other = new Sqlite(':memory:');
    other.exec('BEGIN');
    expect(await refused(other)).toMatchObject({
      code: 'TRANSACTION_ELSEWHERE',
      message: expect.stringContaining(`of another database, and the queue is kept in ${file}`),
    });
    other.close();
  });
});

test('the file may have another name', async () => {
  const name = join(folder.path, 'link.db');
  symlinkSync(file, name);
  const other = new Sqlite(name);
  other.exec('BEGIN');
  await queue.submit(mail, { transaction: other });
  other.exec('COMMIT');
  other.close();
  expect(await queue.count()).toBe(1);
});

describe('while the application keeps the database locked', () => {
  test('what others submit and what is on its way waits, and nothing is lost or sent twice', async () => {
    await queue.work();
    await queue.submit(mail);
    await log.until('sent');
    db.exec('BEGIN IMMEDIATE');
    note('long');
    const inside = await queue.submit({ ...mail, subject: 'inside' }, { transaction: db });
    const outside = queue.submit({ ...mail, subject: 'outside' });
    expect(await queue.get(inside.id)).toBeNull();
    expect(relay.received).toHaveLength(1);
    db.exec('COMMIT');
    await outside;
    await log.until('sent', 3);
    const subjects = relay.received.map(({ content }) => /^Subject: (.*)\r$/m.exec(content.toString())?.[1]);
    expect(subjects.toSorted()).toEqual(['inside', 'one', 'outside']);
  });

  test('for half a minute, others hear that nothing was kept, and all goes on afterwards', async () => {
    await queue.work();
    db.exec('BEGIN IMMEDIATE');
    await expect(queue.submit(mail)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    db.exec('COMMIT');
    await queue.submit(mail);
    await log.until('sent');
    expect(await queue.count()).toBe(1);
  });
});

describe('an application that is killed in its transaction', () => {
  test('leaves nothing of it, and no process behind that has the file open', async () => {
    const program = join(folder.path, 'app.mts');
    writeFileSync(program, KILLED);
    const server = started([program, SOURCES, file], { dataDir: folder.path });
    await server.line(({ msg }) => msg === 'ready');
    // Its output ends when its last process does.
    await server.kill();
    expect(await queue.count()).toBe(0);
    db.exec('BEGIN IMMEDIATE');
    await queue.submit(mail, { transaction: db });
    db.exec('COMMIT');
    expect(await queue.count()).toBe(1);
  });
});

test('mail with a recipient on the list of suppressions ends as suppressed', async () => {
  const { openStore } = await import('../../src/store/open.ts');
  const store = await openStore(file);
  await store.suppress([{ target: '@example.org', reason: 'complaint', since: 1, until: null, note: null }]);
  await store.close();
  db.exec('BEGIN');
  const { id } = await queue.submit(mail, { transaction: db });
  db.exec('COMMIT');
  expect((await queue.get(id))?.deliveries).toMatchObject([{ state: 'bounced', reason: 'suppressed' }]);
});

test('half a message is never left behind when its statements fail', async () => {
  await queue.submit(mail);
  db.exec("CREATE TRIGGER broken BEFORE INSERT ON posthaste_deliveries BEGIN SELECT RAISE(ABORT, 'no room'); END");
  db.exec('BEGIN');
  note('all the same');
  expect(await refused(db)).toMatchObject({ message: 'no room' });
  db.exec('COMMIT');
  expect(await queue.count()).toBe(1);
  expect(db.prepare('SELECT COUNT(*) AS n FROM posthaste_messages').get()).toEqual({ n: 1 });
  expect(db.prepare('SELECT text FROM notes').all()).toEqual([{ text: 'all the same' }]);
});
