/** One connection to a relay: carries the client core's commands over a socket, streams contents, and watches the clock. */
import type { Outcome } from '../../mail/outcome.ts';
import type { Reply } from '../../mail/reply.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type Classified, classify, type Stage } from '../classify.ts';
import {
  abortFault,
  brokenFault,
  connectFault,
  contentFault,
  credentialsFault,
  timeoutFault,
  tlsFault,
} from '../faults.ts';
import { Channel, type Talker } from './channel.ts';
import { type ClientEvent, SmtpClient } from './client.ts';
import { type Sink, streamContent, type Written, writeContent } from './content.ts';
import type { Credentials, CredentialsProvider } from './credentials.ts';
import type { Session } from './handshake.ts';
import type { Job } from './job.ts';
import type { RelaySettings, Wait } from './options.ts';
import { Patience } from './patience.ts';
import type { TlsMemory, TlsReport } from './secure.ts';

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

export class Connection implements Talker, Sink {
  readonly #settings: RelaySettings;
  readonly #owner: Owner;
  readonly #patience: Patience;
  readonly #channel: Channel;
  /** Absent until the connection stands. */
  #client: SmtpClient<Job> | undefined;
  #wake: (() => void) | null = null;
  /** The owner was told that it is idle, and has given it nothing since. */
  #parked = false;

  constructor(settings: RelaySettings, owner: Owner, clock: Clock, memory: TlsMemory) {
    this.#settings = settings;
    this.#owner = owner;
    this.#patience = new Patience(clock, settings.timeouts, (wait, ms) => this.#timedOut(wait, ms));
    this.#patience.begin({ wait: 'connect' });
    this.#channel = new Channel(settings, memory, this, clock);
  }

  /** What TLS came to; null without it. */
  get tls(): TlsReport | null {
    return this.#channel.tls;
  }

  /** Transactions begun so far. */
  get served(): number {
    return this.#client?.served ?? 0;
  }

  /** The relay has answered a transaction on this connection. */
  get proved(): boolean {
    return this.#client?.proved === true;
  }

  /** A job for an idle connection. */
  give(job: Job): void {
    const client = this.#client;
    if (!client?.idle || this.isGone) {
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
    this.#break(abortFault(this.#settings.peer), this.#channel.phase === 'open' ? 'lost' : undefined);
  }

  /** As if what is awaited had taken too long: somebody's patience, which has lasted `ms`, ends before the limit of the wait. */
  runOut(ms: number): void {
    this.#timedOut(this.#patience.awaited?.wait ?? 'connect', ms);
  }

  /** The final dot of this job is out, and its reply is not in. */
  isDoubtful(job: Job): boolean {
    return this.#client?.doubtful === job;
  }

  /** Stops what is under way; behind the final dot of another job, when its turn comes: breaking now would leave that one in doubt. */
  giveUp(): void {
    if (this.#client === undefined || this.#client.doubtful === null) this.abandon();
  }

  // What the channel says

  connected(): void {
    const { peer, host, port, tls, implicitTls, credentials, clearPassword, rules } = this.#settings;
    const name = this.#settings.name ?? this.#channel.localLiteral;
    const proved = tls === 'verified';
    const login = credentials !== null;
    const target = { host, port };
    this.#client = new SmtpClient({ peer, target, name, tls, implicitTls, proved, login, clearPassword }, rules);
    this.#watch();
  }

  encrypting(): void {
    this.#patience.begin({ wait: 'tls' });
  }

  received(bytes: Buffer): void {
    this.#handle(() => this.#client?.receive(bytes) ?? []);
  }

  drained(): void {
    this.#wake?.();
    this.#wake = null;
  }

  gone(error: unknown): void {
    const { peer } = this.#settings;
    const { phase } = this.#channel;
    if (phase === 'connecting') {
      this.#break(connectFault(this.#settings.dialled, error), 'connect');
    } else if (phase === 'encrypting') {
      this.#break(tlsFault(peer, error ?? 'the relay closed the connection'), 'tls');
    } else {
      const during = this.#client?.awaits?.wait ?? (this.#client?.idle ? 'idle' : 'block');
      this.#break(brokenFault(peer, during, error));
    }
  }

  // What the core says

  /** Asks the core, does what it says, and fetches the next job when it is free: all writes of one turn leave as one. */
  #handle(ask: () => ClientEvent<Job>[]): void {
    if (this.isGone) return;
    this.#channel.together(() => {
      this.#apply(ask());
      this.#fetch();
    });
    if (this.isGone) return;
    this.#watch();
    if (!this.#client?.idle || this.#parked) return;
    this.#parked = true;
    this.#owner.idle(this);
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
    if (event.type === 'write') this.#channel.write(event.text);
    else if (event.type === 'content') this.#content(event.transaction);
    else if (event.type === 'outcome') this.#owner.finished(event.transaction, event.outcomes);
    else if (event.type === 'returned') this.#owner.returned(event.transaction);
    else if (event.type === 'startTls')
      this.#channel.encrypt(() => this.#handle(() => this.#client?.tlsStarted() ?? []));
    else if (event.type === 'credentials') this.#logIn(event.rejected);
    else if (event.type === 'ready') this.#owner.ready(this, event.session);
    else this.#close(event.fault);
  }

  #logIn(rejected: Credentials | null): void {
    const { credentials } = this.#settings;
    if (typeof credentials === 'function') void this.#logInWith(credentials, rejected ?? undefined);
    else if (credentials !== null) this.#apply(this.#client?.login(credentials) ?? []);
  }

  async #logInWith(provider: CredentialsProvider, rejected: Credentials | undefined): Promise<void> {
    let credentials: Credentials;
    try {
      credentials = await provider(rejected);
    } catch (error) {
      this.#break(credentialsFault(this.#settings.peer, error), 'auth');
      return;
    }
    this.#handle(() => this.#client?.login(credentials) ?? []);
  }

  // Contents

  #content(job: Job): void {
    if (job.settled) {
      this.abandon();
      return;
    }
    try {
      const chunks = job.content.chunks();
      const direct = job.content.size <= DIRECT && Symbol.iterator in chunks;
      if (direct) this.#end(job, writeContent(chunks, this));
      else void this.#stream(job, chunks);
    } catch (error) {
      this.#unreadable(job, error);
    }
  }

  async #stream(job: Job, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    try {
      const written = await streamContent(chunks, this);
      if (written === null) return;
      this.#handle(() => {
        this.#end(job, written);
        return [];
      });
    } catch (error) {
      this.#unreadable(job, error);
    }
  }

  /** The end of data only behind a whole content: a part of one, ended with a dot, would be a message that nobody wrote. */
  #end(job: Job, { octets, end }: Written): void {
    const client = this.#client as SmtpClient<Job>;
    // Its answer came already, in one piece with the 354.
    if (client.writing !== job) return;
    const { size } = job.content;
    if (octets !== size) throw new Error(`the content has ${octets} octets instead of ${size}`);
    const more = client.looksAhead && client.served < this.#settings.maxMessages;
    this.#apply(client.contentWritten(end, more ? this.#owner.next(this) : undefined));
  }

  #unreadable(job: Job, error: unknown): void {
    this.#owner.failed(job, error);
    this.#break(contentFault(this.#settings.peer), 'lost');
  }

  write(octets: Uint8Array): void {
    this.#channel.write(octets);
  }

  get isFull(): boolean {
    return this.#channel.isFull;
  }

  get isGone(): boolean {
    return this.#channel.phase === 'gone';
  }

  /** The limit runs only while the relay is waited for, not our own disk. */
  async untilDrained(): Promise<void> {
    this.#patience.begin({ wait: 'block' });
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#patience.begin(null);
  }

  // Time and endings

  /** The limit begins when a wait begins, and no trickle of bytes puts it off. */
  #watch(): void {
    if (this.#channel.phase !== 'open') return;
    const awaits = this.#client?.awaits ?? null;
    if (awaits !== this.#patience.awaited && (awaits !== null || this.#wake === null)) this.#patience.begin(awaits);
  }

  #timedOut(wait: Wait, ms: number): void {
    const { peer, dialled } = this.#settings;
    const fault = timeoutFault(wait === 'connect' ? dialled : peer, wait, ms);
    this.#break(fault, this.#channel.phase === 'encrypting' ? 'tls' : undefined);
  }

  #break(fault: Reply, stage?: Stage): void {
    if (this.isGone) return;
    if (this.#client === undefined) this.#close(classify(stage ?? 'connect', fault, this.#settings.rules));
    else this.#apply(this.#client.broke(fault, stage));
  }

  #close(fault: Classified | null): void {
    this.#patience.end();
    this.#channel.close(fault === null);
    this.drained();
    this.#owner.closed(this, fault);
  }
}
