/** Stands between a client and a server on this machine: lets all through, says nothing, or cuts the connection behind a certain word. */

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Between two pieces where the way is narrow, and until it lets in what is new, ms. */
const PAUSE = 50;
const JAM = 5_000;

export class Gate {
  readonly port: number;
  /** Connections that were made through it. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #held: { readonly word: string; readonly done: (letThrough: () => void) => void } | undefined;
  #cut: { readonly word: string; readonly done: () => void } | undefined;
  #silent = false;
  #delay = 0;
  #refusal: { readonly answer: Uint8Array; readonly until: number } | undefined;
  #narrow = false;

  /** `address`: where it listens, for clients elsewhere. */
  static async before(target: number, port = 0, address = '127.0.0.1'): Promise<Gate> {
    const server = createServer();
    server.listen(port, address);
    await once(server, 'listening');
    return new Gate(server, target);
  }

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on('connection', (client) => this.#connected(client, target));
  }

  #connected(client: Socket, target: number): void {
    this.connections++;
    const refusal = this.#refusal;
    if (refusal !== undefined && performance.now() < refusal.until) {
      client.on('error', () => undefined).once('data', () => client.end(refusal.answer));
      return;
    }
    const server = connect(target, '127.0.0.1');
    const delay = this.#narrow ? JAM : this.#delay;
    this.#delay = 0;
    // The driver speaks first or listens first; nothing of it comes through before.
    if (delay > 0) {
      server.pause();
      setTimeout(() => server.resume(), delay);
    }
    let cutting: (() => void) | undefined;
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      // What gets lost on the way says nothing of its end either.
      const over = (): void => {
        if (!this.#silent) end();
      };
      socket.on('error', over).on('close', over);
    }
    client.on('data', (bytes: Buffer) => {
      if (this.#silent) return;
      if (this.#held !== undefined && bytes.includes(this.#held.word)) {
        const { done } = this.#held;
        this.#held = undefined;
        client.removeAllListeners().on('error', () => undefined);
        client.destroy();
        server.removeAllListeners('data').resume();
        done(() => server.write(bytes));
        return;
      }
      if (this.#cut !== undefined && bytes.includes(this.#cut.word)) {
        cutting = this.#cut.done;
        this.#cut = undefined;
      }
      server.write(bytes);
    });
    server.on('data', (bytes: Buffer) => {
      if (this.#silent) return;
      if (cutting === undefined) {
        client.write(bytes);
        if (this.#narrow) {
          server.pause();
          setTimeout(() => server.resume(), PAUSE);
        }
      } else {
        end();
        cutting();
      }
    });
  }

  /** The next answer to a packet with this word is lost, and its connection with it. Resolves then. */
  cutAnswerTo(word: string): Promise<void> {
    return new Promise((done) => {
      this.#cut = { word, done };
    });
  }

  /** The next packet with this word is still on its way when its client has lost the connection. Resolves then, with what lets it through. */
  holdBack(word: string): Promise<() => void> {
    return new Promise((done) => {
      this.#held = { word, done };
    });
  }

  /** For so long, ms, new clients hear this when they have said something, and are alone again. */
  refuseFor(ms: number, answer: Uint8Array): void {
    this.#refusal = { answer, until: performance.now() + ms };
  }

  /** The next connection hears nothing for so long, ms. */
  delayNext(ms: number): void {
    this.#delay = ms;
  }

  /** From now on answers come in pieces of 64 KB with pauses between them, and new connections hear nothing for some seconds. */
  narrow(): void {
    this.#narrow = true;
  }

  /** From now on nothing gets through, and connections stay open. */
  silence(silent: boolean): void {
    this.#silent = silent;
    if (!silent) for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
