/** A queue for the tests of an application: a real one, on a database of its own that goes with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openQueueAs, type QueueSettings } from '../app/library.ts';
import { MailQueue } from '../app/mail-queue.ts';
import type { App } from '../app/open.ts';
import { ENDED } from '../queue/delivery.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import type { IntakeContext } from '../submission/intake.ts';
import { checkExpectation, differences, type ExpectedMail, missing, unwanted } from './expectation.ts';
import { readMail, type SentMail } from './sent-mail.ts';

/** How long `waitForMail` waits. */
export interface WaitForMailOptions {
  /** Milliseconds after which it fails. Default 5000. */
  readonly timeout?: number;
}

/** Messages removed at once. */
const PURGED = 500;
/** Between two looks, ms. */
const POLL = 20;

/** What the application under test submitted, over all its ways into this queue. */
export class TestQueue extends MailQueue {
  readonly #app: App;
  /** Goes with the queue. */
  readonly #folder: string;
  /** Read once: what was submitted never changes. */
  readonly #mails = new Map<Id, SentMail>();
  readonly #cleared = new Set<Id>();

  /** @internal `openTestQueue` makes one. */
  constructor(app: App, intake: IntakeContext, log: Log, version: string, folder: string) {
    super(app, intake, log, version);
    this.#app = app;
    this.#folder = folder;
  }

  /** Every message since the queue was opened or cleared, oldest first; reports to senders are not among them, nor what was cancelled. */
  async outbox(): Promise<SentMail[]> {
    const ids = new Set<Id>();
    for await (const { id, reportOn, state } of this.find({}, { order: 'oldest' })) {
      if (reportOn === null && state !== 'cancelled' && !this.#cleared.has(id)) ids.add(id);
    }
    const mails = await Promise.all([...ids].map((id) => this.#read(id)));
    return mails.filter((mail) => mail !== null);
  }

  /** The first message that fits. Throws an AssertionError that shows what there is instead, and in what it differs. */
  async expectSent(expected: ExpectedMail = {}): Promise<SentMail> {
    checkExpectation(expected);
    const mails = await this.outbox();
    const found = mails.find((mail) => differences(mail, expected).length === 0);
    if (found === undefined) throw missing(mails, expected, '');
    return found;
  }

  /** Throws an AssertionError that shows them where any message fits; without an expectation, where there is any at all. */
  async expectNotSent(expected: ExpectedMail = {}): Promise<void> {
    checkExpectation(expected);
    const found = (await this.outbox()).filter((mail) => differences(mail, expected).length === 0);
    if (found.length > 0) throw unwanted(found, expected);
  }

  /** As `expectSent`, for what an application sends some time later. */
  async waitForMail(expected: ExpectedMail = {}, { timeout = 5_000 }: WaitForMailOptions = {}): Promise<SentMail> {
    checkExpectation(expected);
    const end = performance.now() + timeout;
    for (;;) {
      const mails = await this.outbox();
      const found = mails.find((mail) => differences(mail, expected).length === 0);
      if (found !== undefined) return found;
      if (performance.now() >= end) throw missing(mails, expected, ` within ${timeout} ms`);
      await pause(POLL);
    }
  }

  /** For the next test: the outbox is empty, what waits is not sent any more, and keys are free again but for what is being sent now. */
  async clear(): Promise<void> {
    for (const { id } of await this.outbox()) this.#cleared.add(id);
    await this.cancel({ all: true });
    const ended = { states: ENDED, changedBefore: systemClock.now() + 1 };
    while ((await this.#app.store.purge(ended, PURGED)) === PURGED);
  }

  /** And removes the database. */
  override async close(): Promise<void> {
    await super.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #read(id: Id): Promise<SentMail | null> {
    const known = this.#mails.get(id);
    if (known !== undefined) return known;
    const found = await this.get(id);
    if (found === null) return null;
    const raw = Buffer.concat(await Array.fromAsync(this.#app.queue.content(id)));
    const mail = await readMail(found, raw);
    this.#mails.set(id, mail);
    return mail;
  }
}

/**
 * A queue for one test or one file of tests. It reads neither environment variables nor a configuration file: without a `relay` in `settings`
 * nothing can leave. Its database is a file in the folder for temporary files, unless `settings` name one. Throws as `openQueue`.
 */
export async function openTestQueue(settings: QueueSettings = {}): Promise<TestQueue> {
  const own = settings.dataDir === undefined && settings.database === undefined;
  const folder = mkdtempSync(join(tmpdir(), 'posthaste-testing-'));
  const place = own ? { dataDir: folder } : {};
  class Opened extends TestQueue {
    constructor(app: App, intake: IntakeContext, log: Log, version: string) {
      super(app, intake, log, version, folder);
    }
  }
  try {
    return await openQueueAs(Opened, { ...place, ...settings }, { environment: {}, cwd: folder });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
