/** What the threads of a SQLite store say to each other: calls and answers, with bytes that move instead of being cloned. */
import { type ErrorCode, PosthasteError } from '../errors.ts';
import type { NewMessage } from '../queue/message.ts';
import type { Claim, Claimed, SettleGroup, Store } from '../queue/store.ts';

/** Methods of a store that take a message to the thread and an answer back. */
export type Method = Exclude<keyof Store, 'close' | 'onNews' | 'losses'>;

export interface ThreadData {
  readonly path: string;
  /** `look` opens an existing database for long searches and changes nothing. */
  readonly role: 'keep' | 'look';
  /** In a process of its own. */
  readonly apart: boolean;
}

export interface Call {
  readonly call: number;
  readonly method: Method | 'close';
  readonly args: readonly unknown[];
}

export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
}

export type Answer =
  | { readonly ready: true }
  | { readonly call: number; readonly result: unknown }
  | { readonly call: number; readonly failure: Failure }
  | { readonly unopened: Failure };

/** The file of a thread: the source when this runs from sources, else what was built of it. */
export function threadFile(name: 'sqlite-thread' | 'sqlite-checkpoint'): URL {
  return new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), code: undefined };
  return { name: error.name, message: error.message, code: (error as NodeJS.ErrnoException).code };
}

export function errorOf({ name, message, code }: Failure): Error {
  if (name === 'PosthasteError') return new PosthasteError(code as ErrorCode, message);
  return Object.assign(new Error(message), { name }, code === undefined ? {} : { code });
}

/** Views of one fresh buffer, which then moves to the thread. */
class Parcel {
  readonly #buffer: ArrayBuffer;
  #used = 0;

  constructor(octets: number) {
    this.#buffer = new ArrayBuffer(octets);
  }

  get transfer(): ArrayBuffer[] {
    return [this.#buffer];
  }

  copy(bytes: Uint8Array): Uint8Array {
    const view = new Uint8Array(this.#buffer, this.#used, bytes.byteLength);
    view.set(bytes);
    this.#used += bytes.byteLength;
    return view;
  }

  copyMessage(message: NewMessage): NewMessage {
    return 'bytes' in message.content ? { ...message, content: { bytes: this.copy(message.content.bytes) } } : message;
  }
}

export interface Packed {
  readonly args: readonly unknown[];
  readonly transfer: ArrayBuffer[];
}

/**
 * A call's arguments with copies of all contents. The caller keeps its own bytes, and a small content that is a view of a large
 * buffer does not take all of that along, as a structured clone would.
 */
export function pack(method: Method, args: readonly unknown[]): Packed {
  const [first, ...rest] = args;
  if (method === 'stage') {
    const [sequence, bytes, now] = rest as [number, Uint8Array, number];
    const parcel = new Parcel(bytes.byteLength);
    return { args: [first, sequence, parcel.copy(bytes), now], transfer: parcel.transfer };
  }
  if (method === 'insert') {
    const messages = first as readonly NewMessage[];
    const parcel = new Parcel(octetsOf(messages));
    return { args: [messages.map((message) => parcel.copyMessage(message)), ...rest], transfer: parcel.transfer };
  }
  if (method === 'settle') {
    const groups = first as readonly SettleGroup[];
    const parcel = new Parcel(octetsOf(groups.flatMap(({ reports }) => reports)));
    const copied = groups.map((group) => {
      return { ...group, reports: group.reports.map((report) => parcel.copyMessage(report)) };
    });
    return { args: [copied, ...rest], transfer: parcel.transfer };
  }
  return { args, transfer: [] };
}

function octetsOf(messages: readonly NewMessage[]): number {
  return messages.reduce((sum, { content }) => sum + ('bytes' in content ? content.bytes.byteLength : 0), 0);
}

/** The buffers of an answer that can move: the thread needs them no longer, and each holds one content alone. */
export function transferable(method: Method, result: unknown): ArrayBuffer[] {
  if (method === 'contentChunk') return result === null ? [] : own(result as Uint8Array);
  if (method !== 'claim' && method !== 'claimExpired') return [];
  const claims = method === 'claim' ? (result as Claimed).claims : (result as readonly Claim[]);
  return claims.flatMap(({ content }) => (content === undefined ? [] : own(content)));
}

function own({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > 0 ? [buffer] : [];
}
