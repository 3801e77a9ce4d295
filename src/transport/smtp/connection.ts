/** One connection to a relay: carries the client core's commands over a socket, streams contents, and watches the clock. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Outcome } from '../../mail/outcome.ts';
import type { Reply } from '../../mail/reply.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type Classified, classify, type Stage } from '../classify.ts';
import { abortFault, brokenFault, connectFault, contentFault, timeoutFault, tlsFault } from '../faults.ts';
import { type ClientEvent, SmtpClient } from './client.ts';
import { DataEncoder } from './data.ts';
import { Deadline } from './deadline.ts';
import type { Session } from './handshake.ts';
import type { Job } from './job.ts';
import type { RelaySettings, Wait } from './options.ts';
import { reportTls, secureOptions, type TlsMemory, type TlsReport } from './secure.ts';

/** Who opened the connection, gives it its jobs and hears what came of them. */
export interface Owner {
  /** Logged in and idle. */
  ready(connection: Connection, session: Session): void;
  /** The next job for a connection that is free or about to be; undefined: there is none. */
  next(connection: Connection): Job | undefined;
  /** Nothing left to do; the owner calls `give` or `quit` some time. */
  idle(connection: Connection): void;
  finished(job: Job, outcomes: readonly Outcome[]): void;
  failed(job: Job, error: unknown): void;
  returned(job: Job): void;
  /** `fault` null: ended by us, or after its transaction had its answer. */
  closed(connection: Connection, fault: Classified | null): void;
}

/** A content up to this size that is in memory goes out without waiting for the socket: no promise for the usual message. */
const DIRECT = 256 * 1024;
/** Node tries the next address of a name after this time; its 250 ms are too short for a slow line. */
const NEXT_ADDRESS = 5_000;

export class Connection {
  readonly #settings: RelaySettings;
  readonly #owner: Owner;
  readonly #clock: Clock;
  readonly #memory: TlsMemory;
  readonly #deadline: Deadline;
  #socket: Socket;
  #phase: 'connecting' | 'encrypting' | 'talking' | 'gone' = 'connecting';
  /** Absent until the connection stands. */
  #client: SmtpClient<Job> | undefined;
  #watched: { readonly wait: Wait } | null = { wait: 'connect' };
  #error: unknown;
  #wake: (() => void) | null = null;
  /** The owner was told that it is idle, and has given it nothing since. */
  #parked = false;
  /** What TLS came to; null without it. */
  tls: TlsReport | null = null;

  constructor(settings: RelaySettings, owner: Owner, clock: Clock, memory: TlsMemory) {
    this.#settings = settings;
    this.#owner = owner;
    this.#clock = clock;
    this.#memory = memory;
    this.#deadline = new Deadline(clock, () => this.#timedOut());
    this.#deadline.set(clock.now() + settings.timeouts.connect);
    const { host, port } = settings;
    this.#socket = connect({ host, port, noDelay: true, autoSelectFamilyAttemptTimeout: NEXT_ADDRESS });
    this.#socket.once('connect', () => this.#connected());
    this.#attach(this.#socket);
  }

  /** The relay has answered a transaction on this connection. */
  get proved(): boolean {
    return this.#client?.proved === true;
  }

  /** A job for an idle connection. */
  give(job: Job): void {
    const client = this.#client;
    if (!client?.idle || this.#isGone()) {
      this.#owner.returned(job);
      return;
    }
    this.#parked = false;
    this.#handle(() => client.begin(job));
  }

  /** Ends an idle connection in good order. */
  quit(): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#handle(() => client.quit());
  }

  /** Ends it now, without a word to the relay. */
  abandon(): void {
    this.#break(abortFault(this.#settings.peer), this.#phase === 'talking' ? 'lost' : undefined);
  }

  /** The final dot of this job is out, and its reply is not in. */
  isDoubtful(job: Job): boolean {
    return this.#client?.doubtful === job;
  }

  /** Stops what is under way; behind the final dot of another job, when its turn comes: breaking now would leave that one in doubt. */
  giveUp(): void {
    if (this.#client === undefined || this.#client.doubtful === null) this.abandon();
  }

  #attach(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => this.#handle(() => this.#client?.receive(bytes) ?? []));
    socket.on('drain', () => this.#wakeUp());
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('end', () => this.#gone(socket));
    socket.on('close', () => this.#gone(socket));
  }

  #connected(): void {
    if (this.#settings.implicitTls) this.#encrypt(() => this.#talk());
    else this.#talk();
  }

  #talk(): void {
    const { peer, tls, implicitTls, credentials, clearPassword, rules } = this.#settings;
    this.#phase = 'talking';
    const name = this.#settings.name ?? literal(this.#socket.localAddress ?? '127.0.0.1');
    this.#client = new SmtpClient({ peer, name, tls, implicitTls, credentials, clearPassword }, rules);
    this.#watch();
  }

  #encrypt(done: () => void): void {
    this.#phase = 'encrypting';
    this.#limit({ wait: 'tls' });
    const plain = this.#socket;
    // Its other listeners stay: those of Node are among them, and ours know that it is not the socket any more.
    plain.removeAllListeners('data');
    const socket = connectTls({ ...secureOptions(this.#settings, this.#memory), socket: plain });
    this.#socket = socket;
    socket.on('session', (session) => {
      this.#memory.session = session;
    });
    socket.once('secureConnect', () => this.#encrypted(socket, done));
    this.#attach(socket);
  }

  #encrypted(socket: TLSSocket, done: () => void): void {
    this.tls = reportTls(socket);
    this.#phase = 'talking';
    done();
  }

  /** Asks the core, does what it says, and fetches the next job when it is free: all writes of one turn leave as one. */
  #handle(ask: () => ClientEvent<Job>[]): void {
    if (this.#phase === 'gone') return;
    const socket = this.#socket;
    socket.cork();
    this.#apply(ask());
    this.#fetch();
    socket.uncork();
    if (this.#isGone()) return;
    this.#watch();
    if (!this.#client?.idle || this.#parked) return;
    this.#parked = true;
    this.#owner.idle(this);
  }

  #isGone(): boolean {
    return this.#phase === 'gone';
  }

  #fetch(): void {
    const client = this.#client;
    while (client?.idle) {
      if (client.served >= this.#settings.maxMessages) {
        this.#apply(client.quit());
        return;
      }
      const job = this.#owner.next(this);
      if (job === undefined) return;
      this.#apply(client.begin(job));
    }
  }

  #apply(events: readonly ClientEvent<Job>[]): void {
    for (const event of events) this.#do(event);
  }

  #do(event: ClientEvent<Job>): void {
    if (event.type === 'write') this.#socket.write(event.text, 'utf8');
    else if (event.type === 'content') this.#content(event.transaction);
    else if (event.type === 'outcome') this.#owner.finished(event.transaction, event.outcomes);
    else if (event.type === 'returned') this.#owner.returned(event.transaction);
    else if (event.type === 'startTls') this.#encrypt(() => this.#handle(() => this.#client?.tlsStarted() ?? []));
    else if (event.type === 'ready') this.#owner.ready(this, event.session);
    else this.#close(event.fault);
  }

  // Contents

  #content(job: Job): void {
    if (job.settled) {
      this.abandon();
      return;
    }
    const encoder = new DataEncoder();
    try {
      const chunks = job.content.chunks();
      if (job.content.size > DIRECT || !(Symbol.iterator in chunks)) void this.#stream(job, encoder, chunks);
      else this.#writeAll(job, encoder, chunks);
    } catch (error) {
      this.#unreadable(job, error);
    }
  }

  #writeAll(job: Job, encoder: DataEncoder, chunks: Iterable<Uint8Array>): void {
    let written = 0;
    for (const chunk of chunks) {
      written += chunk.length;
      for (const piece of encoder.encode(chunk)) this.#socket.write(piece);
    }
    this.#end(job, encoder, written);
  }

  async #stream(
    job: Job,
    encoder: DataEncoder,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    try {
      let written = 0;
      for await (const chunk of chunks) {
        written += chunk.length;
        for (const piece of encoder.encode(chunk)) if (!this.#isGone()) this.#socket.write(piece);
        if (this.#socket.writableNeedDrain) await this.#drained();
        if (this.#isGone()) return;
      }
      this.#handle(() => {
        this.#end(job, encoder, written);
        return [];
      });
    } catch (error) {
      this.#unreadable(job, error);
    }
  }

  /** The end of data only behind a whole content: a part of one, ended with a dot, would be a message that nobody wrote. */
  #end(job: Job, encoder: DataEncoder, written: number): void {
    const client = this.#client as SmtpClient<Job>;
    // Its answer came already, in one piece with the 354.
    if (client.writing !== job) return;
    const { size } = job.content;
    if (written !== size) throw new Error(`the content has ${written} octets instead of ${size}`);
    const more = client.looksAhead && client.served < this.#settings.maxMessages;
    this.#apply(client.contentWritten(encoder.end(), more ? this.#owner.next(this) : undefined));
  }

  #unreadable(job: Job, error: unknown): void {
    this.#owner.failed(job, error);
    this.#break(contentFault(this.#settings.peer), 'lost');
  }

  /** Resolves when the socket takes more, or never will. The limit runs only while the relay is waited for, not our own disk. */
  async #drained(): Promise<void> {
    this.#limit({ wait: 'block' });
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#limit(null);
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }

  // Time and endings

  /** The limit begins when a wait begins, and no trickle of bytes puts it off. */
  #watch(): void {
    if (this.#phase !== 'talking') return;
    const awaits = this.#client?.awaits ?? null;
    if (awaits !== this.#watched && (awaits !== null || this.#wake === null)) this.#limit(awaits);
  }

  #limit(wait: { readonly wait: Wait } | null): void {
    this.#watched = wait;
    if (wait === null) this.#deadline.lift();
    else this.#deadline.set(this.#clock.now() + this.#settings.timeouts[wait.wait]);
  }

  #timedOut(): void {
    const wait = this.#watched?.wait ?? 'connect';
    const fault = timeoutFault(this.#settings.peer, wait, this.#settings.timeouts[wait]);
    this.#break(fault, this.#phase === 'encrypting' ? 'tls' : undefined);
  }

  /** The relay's side ended or broke it. */
  #gone(socket: Socket): void {
    // Node tells of an error right after the end of the stream that it broke.
    if (socket !== this.#socket || this.#phase === 'gone') return;
    const { peer } = this.#settings;
    if (this.#phase === 'connecting') {
      this.#break(connectFault(peer, this.#error), 'connect');
    } else if (this.#phase === 'encrypting') {
      this.#break(tlsFault(peer, this.#error ?? 'the relay closed the connection'), 'tls');
    } else {
      const during = this.#client?.awaits?.wait ?? (this.#client?.idle ? 'idle' : 'block');
      this.#break(brokenFault(peer, during, this.#error));
    }
  }

  #break(fault: Reply, stage?: Stage): void {
    if (this.#phase === 'gone') return;
    if (this.#client === undefined) this.#close(classify(stage ?? 'connect', fault, this.#settings.rules));
    else this.#apply(this.#client.broke(fault, stage));
  }

  #close(fault: Classified | null): void {
    this.#phase = 'gone';
    this.#deadline.end();
    if (fault === null) this.#socket.destroySoon();
    else this.#socket.destroy();
    this.#wakeUp();
    this.#owner.closed(this, fault);
  }
}

/** Our address as a domain of EHLO (RFC 5321 4.1.3). */
function literal(address: string): string {
  return address.includes(':') ? `[IPv6:${address.replace(/%.*/, '')}]` : `[${address}]`;
}
