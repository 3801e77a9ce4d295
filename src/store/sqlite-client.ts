/** The near end of a store's thread, or of its process: starts it when it is needed, and again after it broke down. */
import { inDoubt, isStoreAway, PosthasteError } from '../errors.ts';
import { unavailable } from './sqlite-connection.ts';
import { type Host, startProcess, startThread } from './sqlite-host.ts';
import { type Answer, type Call, errorOf, type Method, pack, type ThreadData } from './sqlite-wire.ts';

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One running thread with the calls it owes answers to. */
class Running {
  readonly ready: Promise<void>;
  readonly #host: Host;
  readonly #path: string;
  readonly #pending = new Map<number, Pending>();
  readonly #onEnd: () => void;
  #calls = 0;
  #isOpen = false;
  #opened!: Pending;

  constructor(data: ThreadData, onEnd: () => void) {
    this.#path = data.path;
    this.#onEnd = onEnd;
    this.ready = new Promise<void>((resolve, reject) => {
      this.#opened = { resolve: () => resolve(), reject };
    });
    // Whoever makes a call hears of it; nobody may be waiting for this promise itself.
    this.ready.catch(() => {});
    const start = data.apart ? startProcess : startThread;
    this.#host = start(data, { hear: (answer) => this.#hear(answer), ended: (cause) => this.#end(cause) });
  }

  async call(method: Method | 'close', args: readonly unknown[]): Promise<unknown> {
    const packed = method === 'close' ? { args, transfer: [] } : pack(method, args);
    return new Promise((resolve, reject) => {
      const call = ++this.#calls;
      const message: Call = { call, method, args: packed.args };
      this.#host.post(message, packed.transfer);
      this.#pending.set(call, { resolve, reject });
      // Calls under way keep the process alive; a store that is only open does not.
      if (this.#pending.size === 1) this.#host.ref();
    });
  }

  #hear(answer: Answer): void {
    if ('ready' in answer) {
      this.#isOpen = true;
      this.#opened.resolve(undefined);
      if (this.#pending.size === 0) this.#host.unref();
    } else if ('unopened' in answer) this.#end(errorOf(answer.unopened));
    else this.#settle(answer);
  }

  #settle(answer: Extract<Answer, { call: number }>): void {
    const pending = this.#pending.get(answer.call);
    this.#pending.delete(answer.call);
    if (this.#pending.size === 0) this.#host.unref();
    if ('failure' in answer) pending?.reject(errorOf(answer.failure));
    else pending?.resolve(answer.result);
  }

  /** Calls that were under way may or may not have been carried out: nobody is told that they were. */
  #end(cause: Error): void {
    this.#onEnd();
    const error = cause instanceof PosthasteError ? cause : unavailable(this.#path, cause);
    this.#opened.reject(error);
    const doubtful = this.#isOpen && isStoreAway(error) ? inDoubt(error) : error;
    for (const { reject } of this.#pending.values()) reject(doubtful);
    this.#pending.clear();
    this.#host.end();
  }
}

export class SqliteThread {
  readonly #data: ThreadData;
  #running: Running | undefined;
  #closed = false;

  constructor(data: ThreadData) {
    this.#data = data;
  }

  /** Starts the thread; rejects when the database cannot be opened. */
  ready(): Promise<void> {
    return this.#start().ready;
  }

  async call(method: Method, args: readonly unknown[]): Promise<unknown> {
    if (this.#closed) throw new PosthasteError('STOPPED', 'The store is closed: open it again before you use it.');
    return this.#start().call(method, args);
  }

  /** Waits for what is under way. May come twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running?.call('close', []);
  }

  #start(): Running {
    if (this.#running === undefined) {
      const running: Running = new Running(this.#data, () => {
        if (this.#running === running) this.#running = undefined;
      });
      this.#running = running;
    }
    return this.#running;
  }
}
