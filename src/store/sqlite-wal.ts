/** Keeps the write-ahead log short: checkpoints beside the commits, and a fresh start of the log when it grew all the same. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { SqliteConnection } from './sqlite-connection.ts';
import { threadFile } from './sqlite-wire.ts';

/** Pages of 4096 octets that wait to be copied when a checkpoint is worth its syncs: 24 MB, in which an index page stands often. */
const CHECKPOINT_PAGES = 6144;
/** Length of the log, in pages, at which the writer stops for a moment to begin it anew: 64 MB. */
const RESTART_PAGES = 16_384;
/** Pages that the writer may copy itself then; where more wait, the other thread goes first. About 8 ms. */
const RESTART_REST = 2048;
/** How long the writer then waits for readers to let go of the log, ms. */
const RESTART_PATIENCE = 50;

export class WalKeeper {
  readonly #path: string;
  #thread: Worker | undefined;
  #checkpointing = false;
  #closed = false;
  #restartAt = RESTART_PAGES;

  constructor(path: string) {
    this.#path = path;
  }

  /** To be called between two transactions of the writer. */
  afterCommit(writer: SqliteConnection): void {
    if (this.#checkpointing || this.#closed) return;
    try {
      this.#keepShort(writer);
    } catch {
      // A disk that is full or failing: the log keeps everything, and the next commit tries again.
    }
  }

  #keepShort(writer: SqliteConnection): void {
    // NOOP only reads two numbers: the pages in the log, and how many of them are in the database already.
    const { log = 0, checkpointed = 0 } = writer.run('PRAGMA wal_checkpoint(NOOP)', []).rows[0] ?? {};
    const length = Number(log);
    if (length < RESTART_PAGES) this.#restartAt = RESTART_PAGES;
    const waiting = length - Number(checkpointed);
    const long = length >= this.#restartAt;
    // Under steady load the other thread may never get quite ahead: then a longer stop is the lesser evil.
    const tooLong = length >= 2 * RESTART_PAGES;
    if (long && (tooLong || waiting < RESTART_REST)) this.#restart(writer, length);
    else if (waiting >= (long ? RESTART_REST : CHECKPOINT_PAGES)) this.#checkpoint();
  }

  #checkpoint(): void {
    this.#checkpointing = true;
    this.#thread ??= this.#start();
    this.#thread.postMessage('checkpoint');
  }

  /** Short, because a checkpoint has just copied most of it; a reader that holds the log puts it off. */
  #restart(writer: SqliteConnection, length: number): void {
    this.#restartAt = length + CHECKPOINT_PAGES;
    writer.setPatience(RESTART_PATIENCE);
    try {
      writer.run('PRAGMA wal_checkpoint(RESTART)', []);
    } finally {
      writer.setPatience();
    }
  }

  #start(): Worker {
    const thread = new Worker(threadFile('sqlite-checkpoint'), { workerData: this.#path });
    const over = (): void => {
      this.#checkpointing = false;
    };
    thread.on('message', over);
    // A thread that could not open the file is begun anew when the log has grown on.
    thread.on('error', over);
    thread.on('exit', () => {
      over();
      if (this.#thread === thread) this.#thread = undefined;
    });
    return thread;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const thread = this.#thread;
    if (thread === undefined) return;
    thread.postMessage('close');
    await once(thread, 'exit').catch(() => {});
  }
}
