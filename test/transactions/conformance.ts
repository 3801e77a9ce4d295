/** What holds for mail in an application's own transaction, whichever library began it: real databases, a real relay. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MailQueue, openQueue, PosthasteError, type TransactionHandle } from '../../src/index.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { Recorder } from '../support/delivery.ts';
import { temporaryFolder } from '../support/posthaste.ts';

/** What an application does in a transaction of its own. */
export interface Transaction {
  readonly handle: TransactionHandle;
  /** A row of the application's own. */
  note(text: string): Promise<void> | void;
}

/** An application with a table of its own, `notes (text)`, beside the queue's. */
export interface Application {
  /** Commits what `work` did, or rolls it back when that throws. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  notes(): Promise<readonly string[]>;
  /** Handles of the library's that are no open transaction. */
  idle(): Promise<readonly TransactionHandle[]> | readonly TransactionHandle[];
  close(): Promise<void> | void;
}

/** A database to be alone in. */
export interface Ground {
  readonly url: string;
  /** Another database of the same kind, without a queue. */
  readonly elsewhere: string;
  remove(): Promise<void>;
}

export interface Subject {
  /** `Kysely over better-sqlite3`. */
  readonly name: string;
  ground(): Promise<Ground>;
  open(url: string): Promise<Application> | Application;
}

const mail = { from: 'Ann <ann@example.com>', to: 'bob@example.org', subject: 'Grüße', text: 'one\ntwo\n' };
/** Beyond what is one row. */
const large = { ...mail, attachments: [{ filename: 'a.bin', content: Buffer.alloc(600_000, 'abc\u{1F600}') }] };

class Undone extends Error {}

export function transactionFacts({ name, ground: newGround, open }: Subject): void {
  describe(`a transaction of ${name}`, () => {
    let ground: Ground;
    let folder: ReturnType<typeof temporaryFolder>;
    let relay: ScriptedRelay;
    let log: Recorder;
    let queue: MailQueue;
    let app: Application;

    beforeEach(async () => {
      ground = await newGround();
      folder = temporaryFolder();
      relay = await startRelay();
      log = new Recorder();
      queue = await openQueue({
        dataDir: folder.path,
        database: ground.url,
        relay: `smtp://127.0.0.1:${relay.port}`,
        log,
      });
      app = await open(ground.url);
    });

    afterEach(async () => {
      await app.close();
      await queue.close();
      await relay.close();
      folder[Symbol.dispose]();
      await ground.remove();
    });

    const undone = async (work: (tx: Transaction) => Promise<void>): Promise<void> => {
      const begun = app.transaction(async (tx) => {
        await work(tx);
        throw new Undone();
      });
      await expect(begun).rejects.toThrow(Undone);
    };

    test('keeps its mail for itself until it is committed, which sends it', async () => {
      await queue.work();
      const { id } = await app.transaction(async (tx) => {
        await tx.note('ordered');
        const info = await queue.submit(mail, { transaction: tx.handle, tags: ['order'], metadata: { n: '?$1' } });
        expect(info.response).toBe(`250 2.0.0 queued as ${info.id}`);
        expect(await queue.get(info.id)).toBeNull();
        return info;
      });
      await Promise.all([log.until('sent'), log.until('accepted')]);
      expect(await queue.get(id)).toMatchObject({
        message: { subject: 'Grüße', tags: ['order'], metadata: { n: '?$1' }, origin: 'library' },
        deliveries: [{ recipient: 'bob@example.org', state: 'sent' }],
      });
      expect(relay.received.map(({ recipients }) => recipients)).toEqual([['bob@example.org']]);
      expect(relay.received[0]?.content.toString()).toMatch(/\r\n\r\none\r\ntwo\r\n$/);
      expect(log.count('accepted')).toBe(1);
      expect(await app.notes()).toEqual(['ordered']);
    });

    test('takes its mail with it when it is rolled back, a large content too', async () => {
      await queue.work();
      const ids: string[] = [];
      await undone(async (tx) => {
        await tx.note('never');
        for (const each of [mail, large]) ids.push((await queue.submit(each, { transaction: tx.handle })).id);
      });
      const { id } = await queue.submit({ ...mail, subject: 'after it' });
      await log.until('sent');
      expect(await Promise.all(ids.map((each) => queue.get(each)))).toEqual([null, null]);
      expect([await queue.count(), (await queue.get(id))?.message.subject]).toEqual([1, 'after it']);
      expect(relay.received).toHaveLength(1);
      expect(await app.notes()).toEqual([]);
    });

    test('holds contents that are too large for one row', async () => {
      const { id } = await app.transaction(async (tx) => queue.submit(large, { transaction: tx.handle }));
      await queue.work();
      await log.until('sent');
      const found = await queue.get(id);
      expect(found?.message.size).toBeGreaterThan(800_000);
      expect(relay.received[0]?.content).toHaveLength(found?.message.size ?? 0);
    });

    test('takes mail that was prepared before it began, and again when it is run again', async () => {
      const prepared = [await queue.prepare(mail, { key: 'once' }), await queue.prepare(large)];
      const submit = async (tx: Transaction): Promise<void> => {
        for (const each of prepared) expect((await each.submit(tx.handle)).id).toBe(each.id);
      };
      await undone(submit);
      expect(await queue.count()).toBe(0);
      await app.transaction(async (tx) => {
        await submit(tx);
        for (const each of prepared) {
          const twice = { code: 'ALREADY_SUBMITTED', message: expect.stringContaining('prepare another') };
          await expect(each.submit(tx.handle)).rejects.toMatchObject(twice);
        }
        await tx.note('all the same');
      });
      expect(await app.notes()).toEqual(['all the same']);
      await queue.work();
      await log.until('sent', 2);
      expect(relay.received.map(({ content }) => content.length).toSorted((a, b) => a - b)[1]).toBeGreaterThan(800_000);
      expect((await queue.get(prepared[0]?.id ?? ''))?.message.key).toBe('once');
    });

    test('keeps a key once: with the first message of the same transaction, or of one before', async () => {
      const first = await app.transaction(async (tx) => {
        const one = await queue.submit(mail, { transaction: tx.handle, key: 'order-7' });
        const same = await queue.submit(mail, { transaction: tx.handle, key: 'order-7' });
        expect(same).toMatchObject({ id: one.id, duplicate: true, messageId: one.messageId });
        return one;
      });
      await app.transaction(async (tx) => {
        const same = await queue.submit(mail, { transaction: tx.handle, key: 'order-7' });
        expect(same).toMatchObject({ id: first.id, duplicate: true, messageId: first.messageId });
      });
      expect(await queue.count()).toBe(1);
    });

    test('goes on after mail that failed, and keeps nothing of that', async () => {
      await queue.submit(mail, { key: 'taken' });
      await app.transaction(async (tx) => {
        const inside = { transaction: tx.handle };
        await tx.note('before');
        const other = { ...large, subject: 'other' };
        await expect(queue.submit(other, { ...inside, key: 'taken' })).rejects.toMatchObject({ code: 'KEY_CONFLICT' });
        await expect(queue.submit({ ...mail, to: [] }, inside)).rejects.toMatchObject({ code: 'NO_RECIPIENTS' });
        await expect(queue.submit({ ...large, from: 'a@-' }, inside)).rejects.toMatchObject({
          code: 'ADDRESS_INVALID',
        });
        await tx.note('behind');
        await queue.submit({ ...mail, subject: 'good' }, inside);
      });
      const subjects = (await Array.fromAsync(queue.find())).map(({ subject }) => subject);
      expect(subjects.toSorted()).toEqual(['Grüße', 'good']);
      expect(await app.notes()).toEqual(['before', 'behind']);
    });

    test('takes many messages at once', async () => {
      const results = await app.transaction(async (tx) => {
        const mails = Array.from({ length: 20 }, (_, n) => ({
          ...(n % 7 === 0 ? large : mail),
          subject: `number ${n}`,
        }));
        return queue.submitAll(mails, { transaction: tx.handle });
      });
      expect(results.filter(({ ok }) => !ok)).toEqual([]);
      expect(await queue.count()).toBe(20);
    });

    test('keeps texts as they are', async () => {
      const subject = `O'Neil "said" ?, $1, :a, \\x41 \\ % {} \u{1F600}`;
      const tags = ["it's", '\\x41', '$1', '?'];
      const { id } = await app.transaction(async (tx) =>
        queue.submit({ ...mail, subject }, { transaction: tx.handle, tags, key: `\\x41?'` }),
      );
      expect((await queue.get(id))?.message).toMatchObject({ subject, tags, key: `\\x41?'` });
      const again = await app.transaction(async (tx) =>
        queue.submit({ ...mail, subject }, { transaction: tx.handle, tags, key: `\\x41?'` }),
      );
      expect(again).toMatchObject({ id, duplicate: true });
    });

    test('is asked for where there is none open, and nothing is kept', async () => {
      const prepared = await queue.prepare(mail);
      for (const handle of await app.idle()) {
        const refused = expect.objectContaining({ name: PosthasteError.name, code: 'TRANSACTION_NOT_OPEN' });
        await expect(queue.submit(mail, { transaction: handle })).rejects.toEqual(refused);
        await expect(prepared.submit(handle)).rejects.toEqual(refused);
      }
      expect(await queue.count()).toBe(0);
    });

    test('of another database is refused, and goes on', async () => {
      const other = await open(ground.elsewhere);
      try {
        await other.transaction(async (tx) => {
          await expect(queue.submit(mail, { transaction: tx.handle })).rejects.toMatchObject({
            code: 'TRANSACTION_ELSEWHERE',
            message: expect.stringContaining('Open the queue with the database of the application'),
          });
          await tx.note('all the same');
        });
        expect(await other.notes()).toEqual(['all the same']);
      } finally {
        await other.close();
      }
      expect(await queue.count()).toBe(0);
    });
  });
}

/** Of a database server: SQLite has one writer, for which all the others wait. */
export function keyFacts({ name, ground: newGround, open }: Subject): void {
  test(`a key in a transaction of ${name} that goes on holds up those with keys, and no other mail`, async () => {
    const ground = await newGround();
    const queue = await openQueue({ database: ground.url });
    const app = await open(ground.url);
    const { first, same } = await app.transaction(async (tx) => {
      const first = await queue.submit(mail, { key: 'k', transaction: tx.handle });
      const same = queue.submit(mail, { key: 'k' });
      await queue.submit(mail);
      await queue.submit(large);
      return { first, same };
    });
    expect(await same).toMatchObject({ id: first.id, duplicate: true });
    expect(await queue.count()).toBe(3);
    await app.close();
    await queue.close();
    await ground.remove();
  });
}
