/** Keeps the write-ahead log short: checkpoints beside the commits, and a fresh start of the log when it grew all the same. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { SqliteConnection } from './sqlite-connection.ts';
import { threadFile } from './sqlite-wire.ts';

/** Pages of 4096 octets that wait to be copied when a checkpoint is worth its syncs: 8 MB. */
const CHECKPOINT_PAGES = 2048;
/** Length of the log, in pages, at which the writer stops for a moment to begin it anew: 64 MB. */
const RESTART_PAGES = 16_384;
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

  /** To be called between two transactions of the writer. NOOP only reads two numbers (SQLite 3.51). */
  afterCommit(writer: SqliteConnection): void {
    if (this.#checkpointing || this.#closed) return;
    const { log = 0, checkpointed = 0 } = writer.run('PRAGMA wal_checkpoint(NOOP)', []).rows[0] ?? {};
    const length = Number(log);
    const waiting = length - Number(checkpointed);
    if (length < RESTART_PAGES) this.#restartAt = RESTART_PAGES;
    if (waiting >= CHECKPOINT_PAGES) this.#checkpoint();
    else if (length >= this.#restartAt) this.#restart(writer, length);
  }

  #checkpoint(): void {
    this.#checkpointing = true;
    this.#thread ??= this.#start();
    this.#thread.postMessage('checkpoint');
  }

  /** Short, because a checkpoint has just copied nearly all; a reader that holds the log puts it off. */
  #restart(writer: SqliteConnection, length: number): void {
    writer.setPatience(RESTART_PATIENCE);
    const busy = writer.run('PRAGMA wal_checkpoint(RESTART)', []).rows[0]?.busy;
    writer.setPatience();
    if (busy !== 0) this.#restartAt = length + CHECKPOINT_PAGES;
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
