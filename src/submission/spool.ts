/** Keeps a content while it comes: in memory while it is small, in staged chunks of the store when it is not. */
import { isAscii } from 'node:buffer';
import type { NewContent } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import type { Id } from '../runtime/id.ts';

/** Contents up to this size stay in memory and are one row; larger ones go in chunks of it. */
export const CHUNK_SIZE = 256 * 1024;

/** The first allocation holds the usual first read with what we add to it. */
const HEADROOM = 1024;

/** Behind the chunk with what stands before the gap. */
const GAP_SEQUENCE = 1;

/** A place for what is known only when the whole content is: behind the first `at` octets, and behind `lead`. */
interface Gap {
  readonly at: number;
  readonly lead: Buffer;
}

export class Spool {
  readonly #store: Pick<Queue, 'stage' | 'unstage'>;
  readonly #id: Id;
  /** Its own memory, not a slice of a pool that others share: a store may move it to another thread with all that surrounds it. */
  #chunk: Buffer | undefined;
  #used = 0;
  #staged = 0;
  #staging: Promise<void> | undefined;
  #dropped = false;
  #gap: Gap | undefined;
  /** Octets kept so far. */
  size = 0;
  /** One of them was above 127. */
  eightBit = false;

  constructor(store: Pick<Queue, 'stage' | 'unstage'>, id: Id) {
    this.#store = store;
    this.#id = id;
  }

  /**
   * Leaves a gap behind what was kept so far, which must be little but not nothing, and behind `lead`, for `content` to fill: in a
   * staged content it is a chunk of its own. The first chunk must not wait for it, for a store knows staged contents by theirs;
   * and `lead` sees to it that there is no chunk without octets when nothing fills the gap.
   */
  leaveGap(lead: Buffer): void {
    this.#gap = { at: this.#used, lead };
    this.size += lead.length;
  }

  /** Copies the octets. What it returns, if anything, must be awaited before the next call; it fails when the store does. */
  keep(bytes: Buffer): Promise<unknown> | undefined {
    if (this.#dropped) return;
    this.size += bytes.length;
    if (!this.eightBit && !isAscii(bytes)) this.eightBit = true;
    if (this.#used + bytes.length > CHUNK_SIZE) return this.#keepInChunks(bytes);
    this.#copy(bytes);
  }

  async #keepInChunks(bytes: Buffer): Promise<void> {
    let at = 0;
    while (at < bytes.length) {
      if (this.#used === CHUNK_SIZE) await this.#stage();
      if (this.#dropped) return;
      const end = Math.min(bytes.length, at + CHUNK_SIZE - this.#used);
      this.#copy(bytes.subarray(at, end));
      at = end;
    }
  }

  #copy(bytes: Buffer): void {
    const chunk = this.#room(this.#used + bytes.length);
    bytes.copy(chunk, this.#used);
    this.#used += bytes.length;
  }

  /** The chunk with room for so many octets: it at least doubles, so that slow clients cost no more than fast ones. */
  #room(needed: number): Buffer {
    const old = this.#chunk;
    if (old !== undefined && old.length >= needed) return old;
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_SIZE, Math.max(needed + HEADROOM, 2 * (old?.length ?? 0))));
    old?.copy(chunk, 0, 0, this.#used);
    this.#chunk = chunk;
    return chunk;
  }

  /** The chunk is used again: a store that has answered needs it no more. */
  async #stage(): Promise<void> {
    const bytes = (this.#chunk as Buffer).subarray(0, this.#used);
    this.#staging =
      this.#staged === 0 && this.#gap !== undefined ? this.#stageFirst(bytes, this.#gap.at) : this.#stageNext(bytes);
    await this.#staging;
    this.#used = 0;
  }

  #stageNext(bytes: Buffer): Promise<void> {
    return this.#store.stage(this.#id, this.#staged++, bytes);
  }

  async #stageFirst(bytes: Buffer, gapAt: number): Promise<void> {
    await this.#stageNext(bytes.subarray(0, gapAt));
    this.#staged = GAP_SEQUENCE + 1;
    if (!this.#dropped) await this.#stageNext(bytes.subarray(gapAt));
  }

  /** What was kept, with what fills the gap, for `queue.submit`; nothing may be kept after it. */
  async content(filling: Buffer = Buffer.alloc(0)): Promise<NewContent> {
    this.size += filling.length;
    if (this.#staged === 0) return { bytes: this.#whole(filling) };
    if (this.#used > 0) await this.#stage();
    if (this.#gap !== undefined) {
      await this.#store.stage(this.#id, GAP_SEQUENCE, Buffer.concat([this.#gap.lead, filling]));
    }
    return { stagedChunks: this.#staged };
  }

  #whole(filling: Buffer): Buffer {
    const kept = this.#chunk?.subarray(0, this.#used) ?? Buffer.alloc(0);
    if (this.#gap === undefined) return kept;
    const { at, lead } = this.#gap;
    const whole = Buffer.allocUnsafeSlow(this.size);
    kept.copy(whole, 0, 0, at);
    lead.copy(whole, at);
    filling.copy(whole, at + lead.length);
    kept.copy(whole, at + lead.length + filling.length, at);
    return whole;
  }

  /** Frees the memory and drops what was staged. May come at any time, also while `keep` waits, and more than once. */
  async drop(): Promise<void> {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#chunk = undefined;
    if (this.#staged === 0) return;
    // A chunk that arrives after its content was dropped would stay behind.
    await this.#staging?.catch(() => undefined);
    await this.#store.unstage(this.#id);
  }
}
