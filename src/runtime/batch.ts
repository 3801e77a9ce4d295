/** Group commit: single calls get a batch underneath. Whatever arrives while one batch is being flushed goes into the next. */

export interface BatchOptions {
  /** Items in one flush, at most. */
  readonly maxItems: number;
  /** Flushes under way at once; 1 gives the widest batches. */
  readonly parallel?: number;
  /** Where a flush of several fails each goes alone, so that one which cannot be written does not fail the others. */
  readonly apart?: boolean;
}

interface Waiting<In, Out> {
  readonly item: In;
  readonly resolve: (result: Out) => void;
  readonly reject: (error: unknown) => void;
}

export class Batch<In, Out> {
  readonly #flush: (items: readonly In[]) => Promise<readonly Out[]>;
  readonly #maxItems: number;
  readonly #parallel: number;
  readonly #apart: boolean;
  #waiting: Waiting<In, Out>[] = [];
  #running = 0;

  /** `flush` answers with one result for each item, in their order; when it throws, every item of that flush fails with it (but see `apart`). */
  constructor(flush: (items: readonly In[]) => Promise<readonly Out[]>, options: BatchOptions) {
    this.#flush = flush;
    this.#maxItems = options.maxItems;
    this.#parallel = options.parallel ?? 1;
    this.#apart = options.apart ?? false;
  }

  /** Resolves when the flush that carried the item has. */
  add(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      // A microtask later, all that was added in this turn of the event loop goes together.
      if (this.#waiting.length === 1) queueMicrotask(() => this.#pump());
    });
  }

  #pump(): void {
    while (this.#running < this.#parallel && this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, this.#maxItems);
      this.#running++;
      void this.#run(group);
    }
  }

  async #run(group: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const results = await this.#flush(group.map((entry) => entry.item));
      group.forEach((entry, i) => {
        entry.resolve(results[i] as Out);
      });
    } catch (error) {
      if (this.#apart && group.length > 1) await Promise.all(group.map((entry) => this.#alone(entry)));
      else for (const entry of group) entry.reject(error);
    } finally {
      this.#running--;
      this.#pump();
    }
  }

  async #alone({ item, resolve, reject }: Waiting<In, Out>): Promise<void> {
    try {
      const [result] = await this.#flush([item]);
      resolve(result as Out);
    } catch (error) {
      reject(error);
    }
  }
}
