/** The way out into a folder: a Maildir that mail readers open, or one .eml file for each message. Synced before it counts as sent. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Envelope } from '../mail/envelope.ts';
import type { Outcome } from '../mail/outcome.ts';
import { printable, type Reply } from '../mail/reply.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { classify } from './classify.ts';
import { abortFault } from './faults.ts';
import type { Content, Transport } from './transport.ts';

export interface FileOptions {
  /** Made where it is not there. */
  readonly folder: string;
  /** Default `maildir`. */
  readonly format?: 'maildir' | 'eml';
}

/** Where a message is written, and where it is found when it is whole. */
interface Place {
  readonly draft: string;
  readonly final: string;
  /** Its entry must be on the disk too. */
  readonly folder: string;
}

export class FileTransport implements Transport {
  readonly concurrency = 10;
  readonly #folder: string;
  readonly #format: 'maildir' | 'eml';
  readonly #clock: Clock;
  #made: Promise<unknown> | undefined;

  constructor({ folder, format = 'maildir' }: FileOptions, { clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#folder = folder;
    this.#format = format;
    this.#clock = clock;
  }

  /** Throws only when the content cannot be read; what the disk did is an outcome. */
  async send(envelope: Envelope, content: Content, signal: AbortSignal): Promise<readonly Outcome[]> {
    const all = (outcome: Outcome): Outcome[] => envelope.recipients.map(() => outcome);
    const place = this.#place();
    try {
      await this.#makeFolders();
      await this.#write(place, envelope, content, signal);
      return all({ kind: 'sent', reply: { code: 250, status: '2.0.0', text: `kept as ${place.final}`, ours: true } });
    } catch (error) {
      await rm(place.draft, { force: true }).catch(() => undefined);
      // They were taken away while we run: the next message has them made again.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#made = undefined;
      if (error instanceof Unreadable) throw error.cause;
      if (error instanceof Unsynced) return all(inDoubt(place.folder, error.cause));
      if (signal.aborted) return all(classify('lost', abortFault(this.#folder)));
      return all(diskFault(this.#folder, error));
    }
  }

  async close(): Promise<void> {}

  /** Names that no other process takes, on this host or another that shares the folder (https://cr.yp.to/proto/maildir.html). */
  #place(): Place {
    const now = this.#clock.now();
    const unique = `${randomBytes(8).toString('hex')}P${process.pid}`;
    if (this.#format === 'eml') {
      const name = `${new Date(now).toISOString().replaceAll(':', '-')}-${unique}.eml`;
      return { draft: join(this.#folder, `.${name}.tmp`), final: join(this.#folder, name), folder: this.#folder };
    }
    const host = hostname().replaceAll('/', '\\057').replaceAll(':', '\\072');
    const name = `${Math.floor(now / 1000)}.M${(now % 1000) * 1000}R${unique}.${host}`;
    const folder = join(this.#folder, 'new');
    return { draft: join(this.#folder, 'tmp', name), final: join(folder, name), folder };
  }

  #makeFolders(): Promise<unknown> {
    const names = this.#format === 'eml' ? ['.'] : ['tmp', 'new', 'cur'];
    this.#made ??= Promise.all(names.map((name) => makeFolder(join(this.#folder, name)))).catch((error) => {
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  async #write(
    { draft, final, folder }: Place,
    envelope: Envelope,
    content: Content,
    signal: AbortSignal,
  ): Promise<void> {
    const file = await open(draft, 'wx', 0o600);
    try {
      await this.#fill(file, envelope, content, signal);
      await file.sync();
    } finally {
      await file.close();
    }
    await moveSynced(draft, final, folder);
  }

  async #fill(file: FileHandle, envelope: Envelope, content: Content, signal: AbortSignal): Promise<void> {
    // Mail readers expect the line ends of the machine in a Maildir; an .eml file has those of the message.
    const lines = this.#format === 'maildir' ? new BareLines() : null;
    const head = Buffer.from(traceFields(envelope));
    await file.writeFile(lines?.convert(head) ?? head);
    for await (const chunk of readable(content)) {
      signal.throwIfAborted();
      await file.writeFile(lines?.convert(chunk) ?? chunk);
    }
    if (lines !== null) await file.writeFile(lines.end());
  }
}

/** With those above it. Not by `recursive`: Node never ends where a folder is there and none can be made in it, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await makeLast(path);
  }
}

/** Another one may have made it meanwhile. */
async function makeLast(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** The envelope, which the content does not tell: RFC 5321 4.4 for Return-Path; one Delivered-To for each recipient. */
function traceFields({ sender, recipients }: Envelope): string {
  const to = recipients.map(({ address }) => `Delivered-To: ${printable(address)}\r\n`).join('');
  return `Return-Path: <${printable(sender ?? '')}>\r\n${to}`;
}

/** The content's own error is ours, not the disk's that it is written to. */
class Unreadable extends Error {}

/** The message is in its place, and nobody knows whether it stays there. */
class Unsynced extends Error {}

async function* readable(content: Content): AsyncIterable<Uint8Array> {
  let octets = 0;
  try {
    for await (const chunk of content.chunks()) {
      octets += chunk.length;
      yield chunk;
    }
    if (octets !== content.size) throw new Error(`the content has ${octets} octets instead of ${content.size}`);
  } catch (error) {
    throw new Unreadable('the content cannot be read', { cause: error });
  }
}

/** Nothing is moved into a folder that cannot be opened to be synced. */
async function moveSynced(draft: string, final: string, folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await rename(draft, final);
    await handle.sync().catch((error: unknown) => {
      throw new Unsynced('the message may be lost with the power', { cause: error });
    });
  } finally {
    await handle.close();
  }
}

/** Every message would meet it, so it concerns the way and no message. */
function diskFault(folder: string, error: unknown): Outcome {
  return { kind: 'deferred', scope: 'relay', reply: diskReply(folder, error, 'cannot be written'), inDoubt: false };
}

/** Who reads mail there may have found it already. */
function inDoubt(folder: string, error: unknown): Outcome {
  const reply = diskReply(folder, error, 'has the message, but cannot be synced');
  return { kind: 'deferred', scope: 'message', reply, inDoubt: true };
}

function diskReply(folder: string, error: unknown, what: string): Reply {
  const { code = '' } = error as NodeJS.ErrnoException;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const text = `${folder} ${what}: ${error instanceof Error ? error.message : String(error)}`;
  return { code: full ? 452 : 451, status: full ? '4.3.1' : '4.3.0', text, ours: true };
}

/** CRLF to LF, over the borders of chunks. */
class BareLines {
  #heldCr = false;

  convert(chunk: Uint8Array): Uint8Array {
    const text = `${this.#heldCr ? '\r' : ''}${Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')}`;
    this.#heldCr = text.endsWith('\r');
    const whole = this.#heldCr ? text.slice(0, -1) : text;
    return Buffer.from(whole.replaceAll('\r\n', '\n'), 'latin1');
  }

  end(): string {
    return this.#heldCr ? '\r' : '';
  }
}
