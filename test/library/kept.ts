/** A look into the store of a queue under test, as another process has it. */
import { join } from 'node:path';
import type { Store } from '../../src/queue/store.ts';
import { openStore } from '../../src/store/open.ts';

export class Kept {
  readonly store: Store;

  private constructor(store: Store) {
    this.store = store;
  }

  static async open(folder: string): Promise<Kept> {
    return new Kept(await openStore(join(folder, 'posthaste.db')));
  }

  /** The whole content; empty when it is gone. */
  async content(id: string): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for (let sequence = 0; ; sequence++) {
      const chunk = await this.store.contentChunk(id, sequence);
      if (chunk === null) return Buffer.concat(chunks);
      chunks.push(chunk);
    }
  }

  close(): Promise<void> {
    return this.store.close();
  }
}
