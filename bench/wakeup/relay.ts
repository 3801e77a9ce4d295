/** A relay that takes everything and notes when each message's connection was greeted, or its transaction began. */
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** Time of `process.hrtime`, in ms. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;

export class TimingRelay {
  /** By the local part of the sender. */
  readonly began = new Map<string, number>();
  readonly #keep: boolean;
  readonly #server: Server;
  #seen: () => void = () => undefined;

  /** `keep`: connections stay for the next message, whose time is that of its MAIL; else each has one, and the time is that of its 220. */
  constructor(keep: boolean) {
    this.#keep = keep;
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as { readonly port: number }).port;
  }

  async reached(count: number): Promise<void> {
    while (this.began.size < count)
      await new Promise<void>((resolve) => {
        this.#seen = resolve;
      });
  }

  close(): void {
    this.#server.close();
  }

  #serve(socket: Socket): void {
    const greeted = monotonic();
    socket.write('220 relay.example ESMTP\r\n');
    socket.on('error', () => socket.destroy());
    let inContent = false;
    createInterface({ input: socket }).on('line', (line) => {
      if (!socket.writable) return;
      if (inContent) {
        if (line !== '.') return;
        inContent = false;
        socket.write('250 2.0.0 taken\r\n');
        if (!this.#keep) socket.end();
        return;
      }
      const verb = line.slice(0, 4).toUpperCase();
      inContent = verb === 'DATA';
      if (verb === 'MAIL') this.#note(line, this.#keep ? monotonic() : greeted);
      socket.write(replyTo(verb));
      if (verb === 'QUIT') socket.end();
    });
  }

  #note(line: string, at: number): void {
    const name = /<([^@>]*)@/.exec(line)?.[1];
    if (name !== undefined) this.began.set(name, at);
    this.#seen();
  }
}

function replyTo(verb: string): string {
  if (verb === 'EHLO') return '250-relay.example\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n';
  if (verb === 'DATA') return '354 go on\r\n';
  if (verb === 'QUIT') return '221 2.0.0 bye\r\n';
  return '250 2.0.0 ok\r\n';
}
