/** A session over the pipes of a program, as `sendmail -bs` holds it. */
import { Duplex } from 'node:stream';
import type { AcceptLimits } from '../accept.ts';
import type { IntakeContext } from '../intake.ts';
import { Connection } from './connection.ts';

export interface PipeOptions {
  readonly intake: IntakeContext;
  readonly limits: AcceptLimits;
  /** Refusals of class 5 at which the session ends. */
  readonly maxErrors: number;
  /** Silence after which it ends, ms. */
  readonly idleTimeout: number;
  readonly storageFull: boolean;
}

/** What one program reads and writes, as one stream; destroying it lets go of both ends without closing them. */
class PipeEnds extends Duplex {
  readonly #input: NodeJS.ReadableStream;
  readonly #output: NodeJS.WritableStream;

  constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream) {
    super();
    this.#input = input;
    this.#output = output;
    input.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) input.pause();
    });
    input.on('end', () => this.push(null));
    // A pipe cannot be reset as a connection can: when all is written there is nothing to wait for, also where the input stays open.
    this.on('finish', () => this.destroy());
    for (const end of [input, output]) end.on('error', (error: Error) => this.destroy(error));
  }

  override _read(): void {
    this.#input.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#output.write(bytes, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#input.pause();
    done(error);
  }
}

/** Resolves when the client is gone and nothing is under way; false: it left in the middle of a message, which was not taken. */
export function holdSession(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  { intake, limits, maxErrors, idleTimeout, storageFull }: PipeOptions,
): Promise<boolean> {
  return new Promise((resolve) => {
    new Connection(new PipeEnds(input, output), {
      intake,
      session: {
        hostname: intake.hostname,
        maxMessageSize: limits.maxMessageSize,
        maxRecipients: limits.maxRecipients,
        maxErrors,
        offerTls: false,
        login: 'none',
        local: true,
        lf: 'end',
        storageFull: () => storageFull,
      },
      address: null,
      idleTimeout,
      secureContext: undefined,
      authenticate: undefined,
      onClosed: ({ cutShort }) => resolve(!cutShort),
    });
  });
}
