/** The stream to a relay: dialled directly or through a proxy, encrypted when it is time, and told apart from what is said over it. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../../runtime/clock.ts';
import type { RelaySettings } from './options.ts';
import { Tunnel } from './proxy.ts';
import { pinFault, reportTls, secureOptions, type TlsMemory, type TlsReport } from './secure.ts';

/** Who talks over it. */
export interface Talker {
  /** The relay is at the other end; with implicit TLS, encrypted. */
  connected(): void;
  /** TLS is wanted now, so another limit begins. */
  encrypting(): void;
  received(bytes: Buffer): void;
  /** It takes more. */
  drained(): void;
  /** It ended, or broke, before `close`. `error` is absent where it ended in good order. */
  gone(error: unknown): void;
}

/** Node tries the next address of a name after this time; its 250 ms are too short for a slow line. */
const NEXT_ADDRESS = 5_000;
/** For the end of a connection to go out, ms. */
const LAST_WORDS = 1_000;

export class Channel {
  readonly #settings: RelaySettings;
  readonly #memory: TlsMemory;
  readonly #talker: Talker;
  readonly #clock: Clock;
  #socket: Socket;
  #phase: 'connecting' | 'encrypting' | 'open' | 'gone' = 'connecting';
  #error: unknown;
  /** What TLS came to; null without it. */
  tls: TlsReport | null = null;

  constructor(settings: RelaySettings, memory: TlsMemory, talker: Talker, clock: Clock) {
    this.#settings = settings;
    this.#memory = memory;
    this.#talker = talker;
    this.#clock = clock;
    const { host, port } = settings.proxy ?? settings;
    this.#socket = connect({ host, port, noDelay: true, autoSelectFamilyAttemptTimeout: NEXT_ADDRESS });
    this.#socket.once('connect', () => this.#dialled());
    this.#attach(this.#socket);
  }

  get phase(): 'connecting' | 'encrypting' | 'open' | 'gone' {
    return this.#phase;
  }

  /** Our end of it as a domain of EHLO (RFC 5321 4.1.3). */
  get localLiteral(): string {
    const address = this.#socket.localAddress ?? '127.0.0.1';
    return address.includes(':') ? `[IPv6:${address.replace(/%.*/, '')}]` : `[${address}]`;
  }

  /** Writing should wait until it `drained`. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  write(octets: string | Uint8Array): void {
    this.#socket.write(octets);
  }

  /** All that `work` writes leaves in one piece. */
  together(work: () => void): void {
    const socket = this.#socket;
    socket.cork();
    work();
    socket.uncork();
  }

  /** TLS from here on; `done` when it stands. */
  encrypt(done: () => void): void {
    this.#phase = 'encrypting';
    this.#talker.encrypting();
    const plain = this.#socket;
    // Its other listeners stay: those of Node are among them, and ours know that it is not the socket any more.
    plain.removeAllListeners('data');
    const socket = connectTls({ ...secureOptions(this.#settings, this.#memory), socket: plain });
    this.#socket = socket;
    // Node keeps it back until the certificate was found good, and must: it does not look at names when it resumes one.
    socket.on('session', (session) => {
      this.#memory.session = session;
    });
    socket.once('secureConnect', () => this.#encrypted(socket, done));
    this.#attach(socket);
    this.#listen(socket);
  }

  /** `politely`: with an end that the relay is told of, where nothing that it may never read lies before it. */
  close(politely: boolean): void {
    this.#phase = 'gone';
    const socket = this.#socket;
    if (!politely || socket.writableLength > 0) {
      socket.destroy();
      return;
    }
    socket.destroySoon();
    // The system may hold as much as it takes, so that the end of TLS waits too.
    const cancel = this.#clock.after(LAST_WORDS, () => socket.destroy());
    socket.once('close', cancel);
  }

  #attach(socket: Socket): void {
    socket.on('drain', () => this.#talker.drained());
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('end', () => this.#ended(socket));
    socket.on('close', () => this.#ended(socket));
  }

  #listen(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => this.#talker.received(bytes));
  }

  /** Node tells of an error right after the end of the stream that it broke. */
  #ended(socket: Socket): void {
    if (socket === this.#socket && this.#phase !== 'gone') this.#talker.gone(this.#error);
  }

  #dialled(): void {
    if (this.#settings.proxy === null) this.#connected();
    else this.#pass(new Tunnel(this.#settings.proxy, this.#settings));
  }

  #pass(tunnel: Tunnel): void {
    const socket = this.#socket;
    const receive = (bytes: Buffer): void => {
      try {
        const answer = tunnel.receive(bytes);
        if ('write' in answer) {
          socket.write(answer.write);
          return;
        }
        socket.off('data', receive);
        if (answer.rest.length > 0) socket.unshift(answer.rest);
        this.#connected();
      } catch (error) {
        this.#talker.gone(error);
      }
    };
    socket.on('data', receive);
    socket.write(tunnel.opening);
  }

  #connected(): void {
    if (this.#settings.implicitTls) {
      this.encrypt(() => this.#talker.connected());
    } else {
      this.#phase = 'open';
      this.#listen(this.#socket);
      this.#talker.connected();
    }
  }

  #encrypted(socket: TLSSocket, done: () => void): void {
    const fault = pinFault(socket, this.#settings.fingerprints);
    if (fault !== undefined) {
      this.#talker.gone(fault);
      return;
    }
    this.tls = reportTls(socket, this.#settings.fingerprints);
    this.#phase = 'open';
    done();
  }
}
