/** The way out through any transport of Nodemailer: it is given the bytes as they are and the envelope, once, and never a queue to keep. */
import { Readable } from 'node:stream';
import { createTransport, type Transport as NodemailerPlugin } from 'nodemailer';
import { PosthasteError } from '../errors.ts';
import type { Envelope } from '../mail/envelope.ts';
import type { Outcome } from '../mail/outcome.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import type { Rule } from './classify.ts';
import { failedOutcomes, gaveUp, type Progress, tookTooLong } from './nodemailer-errors.ts';
import { sentOutcomes } from './nodemailer-info.ts';
import type { Content, Transport } from './transport.ts';

/** What it is given of a message. */
export interface RawMail {
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  readonly raw: Readable;
  readonly signal: AbortSignal;
  /** Ours are counted already. */
  readonly maxRecipients: number;
  readonly dsn?: { readonly notify: readonly string[] };
}

/** A Transporter, as `nodemailer.createTransport()` makes it. */
export interface Mailer {
  sendMail(mail: RawMail): Promise<unknown>;
  close?(): void;
}

export interface NodemailerOptions {
  /** A Transporter, or the transport object of a plugin (`name`, `version`, `send`), which is what `createTransport()` takes. */
  readonly transport: object;
  /** How replies and errors name it. Default: the name of the transport. */
  readonly name?: string;
  /** How many messages it is given at once. Default 5. */
  readonly concurrency?: number;
  /** How long it may take for a message, ms. Default 15 min: longer than the wait for the reply to a final dot. */
  readonly timeout?: number;
  readonly rules?: readonly Rule[];
}

const TIMEOUT = 15 * 60_000;

export class NodemailerTransport implements Transport {
  readonly concurrency: number;
  readonly #mailer: Mailer;
  readonly #name: string;
  readonly #timeout: number;
  readonly #rules: readonly Rule[] | undefined;
  readonly #clock: Clock;

  /** Throws CONFIG_INVALID. */
  constructor(options: NodemailerOptions, { clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#mailer = mailerOf(options.transport);
    this.#name = options.name ?? nameOf(this.#mailer);
    if (nameOf(this.#mailer) === 'SMTP (pool)')
      throw invalid(
        'it has "pool: true", and Nodemailer\'s pool keeps a queue of its own: leave the pool out, or give the relay as smtp://',
      );
    this.concurrency = options.concurrency ?? 5;
    this.#timeout = options.timeout ?? TIMEOUT;
    this.#rules = options.rules;
    this.#clock = clock;
  }

  async send(envelope: Envelope, content: Content, signal: AbortSignal): Promise<readonly Outcome[]> {
    const all = (outcome: Outcome): Outcome[] => envelope.recipients.map(() => outcome);
    if (signal.aborted) return all(gaveUp(this.#name));
    const reading = new Reading(content);
    const stop = new AbortController();
    const { promise: stopped, resolve } = Promise.withResolvers<Outcome[]>();
    const end = (outcome: Outcome): void => {
      resolve(all(outcome));
      stop.abort();
      reading.raw.destroy();
    };
    // A content that went out whole has its answer on the way; what has not can be taken back.
    const abort = (): void => {
      if (reading.progress !== 'whole') end(gaveUp(this.#name));
    };
    const cancel = this.#clock.after(this.#timeout, () =>
      end(tookTooLong(this.#name, this.#timeout, reading.progress)),
    );
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([stopped, this.#send(envelope, reading, stop.signal)]);
    } finally {
      signal.removeEventListener('abort', abort);
      cancel();
      reading.raw.destroy();
    }
  }

  async close(): Promise<void> {
    this.#mailer.close?.();
  }

  async #send(envelope: Envelope, reading: Reading, signal: AbortSignal): Promise<Outcome[]> {
    const { sender, recipients } = envelope;
    const silent = recipients.every(({ notify }) => notify?.includes('never'));
    try {
      const info = await this.#mailer.sendMail({
        envelope: { from: sender ?? '', to: recipients.map(({ address }) => address) },
        raw: reading.raw,
        signal,
        maxRecipients: 0,
        ...(silent && { dsn: { notify: ['NEVER'] } }),
      });
      return sentOutcomes(recipients, info, this.#rules);
    } catch (error) {
      if (reading.error !== undefined) throw reading.error;
      return failedOutcomes(this.#name, recipients, error, reading.progress, this.#rules);
    }
  }
}

/** A content as a stream, and how far it was read. */
class Reading {
  readonly raw: Readable;
  progress: Progress = 'none';
  /** It could not be read: our own fault, whatever the transport makes of it. */
  error: unknown;

  constructor(content: Content) {
    this.raw = Readable.from(this.#chunks(content), { objectMode: false });
    this.raw.on('error', () => {});
  }

  async *#chunks(content: Content): AsyncGenerator<Uint8Array> {
    let octets = 0;
    try {
      for await (const chunk of content.chunks()) {
        this.progress = 'part';
        octets += chunk.length;
        yield chunk;
      }
      if (octets !== content.size) throw new Error(`the content has ${octets} octets instead of ${content.size}`);
      this.progress = 'whole';
    } catch (error) {
      this.error = error;
      throw error;
    }
  }
}

function mailerOf(transport: object): Mailer {
  if ('sendMail' in transport && typeof transport.sendMail === 'function') return transport as Mailer;
  if ('send' in transport && typeof transport.send === 'function')
    return createTransport(transport as NodemailerPlugin) as unknown as Mailer;
  throw invalid(
    'it has neither sendMail() nor send(): give what nodemailer.createTransport() returns, or a transport plugin',
  );
}

function nameOf(mailer: Mailer): string {
  const { transporter } = mailer as { transporter?: { name?: unknown } };
  return typeof transporter?.name === 'string' ? transporter.name : 'nodemailer';
}

function invalid(why: string): PosthasteError {
  return new PosthasteError('CONFIG_INVALID', `The Nodemailer transport of a relay cannot be used: ${why}.`);
}
