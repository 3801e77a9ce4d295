/** The server of this machine as the way in of a user who may not write the queue: mail goes there by SMTP. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type HostPort, showHostPort } from '../config/kinds.ts';
import type { Config } from '../config/settings.ts';
import { PosthasteError } from '../errors.ts';
import type { Outcome } from '../mail/outcome.ts';
import { isRejection, messageTooLarge, NUL_OCTET, type Rejection } from '../submission/rejections.ts';
import type { LocalMessage } from '../submission/sendmail/read-message.ts';
import type { Content } from '../transport/transport.ts';
import type { Answer, Way } from './local-way.ts';

/** A server on this machine answers at once, or never, ms. */
const CONNECT_TIMEOUT = 5_000;

/** A server says nothing more when its input ends inside of the content that it has asked for. */
const ASKS_FOR_CONTENT = /(?:^|\n)354[ \r][^\n]*\n$/;

/** RFC 5321 4.5.3.1.5. */
const MAX_REPLY_LINE = 512;

/** Throws STORE_UNAVAILABLE when nobody listens. `obstacle`: why the mail does not go straight into the queue. */
export async function findServer(config: Config, obstacle: string): Promise<Way> {
  const addresses = config.listen.filter(({ port }) => port > 0).map(reachable);
  for (const address of addresses) {
    const socket = await dial(address);
    socket?.destroy();
    if (socket !== undefined) return new ServerWay(config, obstacle, address);
  }
  const where = addresses.map(showHostPort).join(' or ') || 'any fixed port';
  throw new PosthasteError(
    'STORE_UNAVAILABLE',
    `The mail cannot be taken now: ${obstacle}, and no server answers at ${where}: start posthaste serve, or let this user write the queue.`,
  );
}

/** Who listens on all addresses listens on loopback too. */
function reachable({ host, port }: HostPort): HostPort {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port };
  return { host: host === '::' ? '::1' : host, port };
}

async function dial({ host, port }: HostPort): Promise<Socket | undefined> {
  const socket = connect({ host, port, timeout: CONNECT_TIMEOUT, allowHalfOpen: true });
  try {
    await Promise.race([
      once(socket, 'connect'),
      once(socket, 'timeout').then(() => Promise.reject(new Error('late'))),
    ]);
    return socket.setTimeout(0);
  } catch {
    socket.destroy();
    return undefined;
  }
}

class ServerWay implements Way {
  readonly #config: Config;
  readonly #obstacle: string;
  readonly #address: HostPort;

  constructor(config: Config, obstacle: string, address: HostPort) {
    this.#config = config;
    this.#obstacle = obstacle;
    this.#address = address;
  }

  /** SMTP wants the size first, so the content waits in a file without a name: nothing of it stays, however this process ends. */
  async submit(message: LocalMessage): Promise<Answer> {
    const file = await namelessFile();
    try {
      const facts = await copy(message.content, file, this.#config.maxMessageSize);
      if (isRejection(facts)) return { reply: facts, words: '' };
      const chunks = (): AsyncIterable<Uint8Array> => file.createReadStream({ start: 0, autoClose: false });
      return await this.#send(message, { ...facts, chunks });
    } finally {
      await file.close();
    }
  }

  async #send({ envelope }: LocalMessage, content: Content): Promise<Answer> {
    const { SmtpTransport } = await import('../transport/smtp/smtp.ts');
    const transport = new SmtpTransport({
      ...this.#address,
      name: this.#config.hostname,
      tls: 'none',
      maxConnections: 1,
      maxRecipients: this.#config.maxRecipients,
    });
    try {
      const outcomes = await transport.send(envelope, content, new AbortController().signal);
      return {
        reply: worst(outcomes).reply,
        words: `${this.#obstacle}: handed to the server at ${showHostPort(this.#address)}`,
      };
    } finally {
      await transport.close();
    }
  }

  async session(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Promise<boolean> {
    const socket = await dial(this.#address);
    if (socket === undefined) throw new PosthasteError('STORE_UNAVAILABLE', `${showHostPort(this.#address)} is gone.`);
    const { PipeLines } = await import('../submission/smtp/pipe-lines.ts');
    const lines = new PipeLines();
    const toServer = new Transform({ transform: (bytes: Buffer, _, done) => done(null, lines.push(bytes)) });
    let said = '';
    socket.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString('latin1')).slice(-MAX_REPLY_LINE);
    });
    input.once('error', () => socket.destroy());
    input.pipe(toServer).pipe(socket);
    socket.pipe(output, { end: false });
    // It ends with the server's side: whoever writes our input may keep it open.
    await finished(socket, { writable: false });
    input.unpipe(toServer);
    socket.destroy();
    return !ASKS_FOR_CONTENT.test(said);
  }

  async close(): Promise<void> {}
}

/** One answer for all: the first that is no success. */
function worst(outcomes: readonly Outcome[]): Outcome {
  return outcomes.find(({ kind }) => kind !== 'sent') ?? (outcomes[0] as Outcome);
}

async function namelessFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `posthaste-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Refuses what the server could not: more than `limit`, which it would have to read first, and a NUL, which does not get there. */
async function copy(
  content: AsyncIterable<Buffer>,
  file: FileHandle,
  limit: number,
): Promise<Pick<Content, 'size' | 'eightBit'> | Rejection> {
  let size = 0;
  let eightBit = false;
  for await (const bytes of content) {
    size += bytes.length;
    eightBit ||= bytes.some((octet) => octet > 127);
    if (size > limit) return messageTooLarge(limit);
    if (bytes.includes(0)) return NUL_OCTET;
    await file.writeFile(bytes);
  }
  return { size, eightBit };
}
