/** Connections to one relay: as many as the waiting jobs need, kept logged in, reused, and ended when they are idle. */
import type { Outcome } from '../../mail/outcome.ts';
import type { Clock, Instant } from '../../runtime/clock.ts';
import type { Classified } from '../classify.ts';
import { classify } from '../classify.ts';
import { abortFault } from '../faults.ts';
import { Connection, type Owner } from './connection.ts';
import type { Job } from './job.ts';
import type { RelaySettings } from './options.ts';
import type { TlsMemory } from './secure.ts';

/** After a further connection failed, the relay gets this time before one more is tried beside those that work, ms. */
const GROWTH_PAUSE = 10_000;

interface Idle {
  readonly connection: Connection;
  readonly since: Instant;
}

export class Pool implements Owner {
  readonly #settings: RelaySettings;
  readonly #clock: Clock;
  readonly #memory: TlsMemory = { session: undefined };
  #waiting: Job[] = [];
  readonly #opening = new Set<Connection>();
  readonly #open = new Set<Connection>();
  /** The one used last is reused first, so that those not needed grow old and end. */
  #idle: Idle[] = [];
  /** Where the jobs are that are under way. */
  readonly #at = new Map<Job, Connection>();
  #growAfter: Instant = 0;
  #sweeping = false;
  #closing: { readonly done: Promise<void>; readonly resolve: () => void } | null = null;

  constructor(settings: RelaySettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Answers through the job. */
  submit(job: Job): void {
    if (this.#closing) {
      job.finishAll(this.#stopped());
    } else {
      this.#waiting.push(job);
      this.#pump();
    }
  }

  /** Gives a job up unless its final dot is out. */
  giveUp(job: Job): void {
    if (job.settled) return;
    const connection = this.#at.get(job);
    if (connection === undefined) this.#waiting = this.#waiting.filter((other) => other !== job);
    // Settled first, so that nothing the connection says in ending counts for it.
    const outcome = this.#stopped();
    if (connection?.isDoubtful(job)) return;
    job.finishAll(outcome);
    this.#at.delete(job);
    connection?.giveUp();
  }

  /** Resolves when every connection has ended; those in use end after what is under way. */
  close(): Promise<void> {
    if (this.#closing === null) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#closing = { done: promise, resolve };
      for (const job of this.#waiting.splice(0)) job.finishAll(this.#stopped());
      for (const connection of [...this.#opening]) connection.abandon();
      for (const { connection } of this.#idle.splice(0)) connection.quit();
      this.#checkClosed();
    }
    return this.#closing.done;
  }

  #stopped(): Classified {
    return classify('lost', abortFault(this.#settings.peer));
  }

  #checkClosed(): void {
    if (this.#closing && this.#opening.size + this.#open.size === 0) this.#closing.resolve();
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      const { connection } = this.#idle.pop() as Idle;
      const job = this.next(connection);
      if (job !== undefined) connection.give(job);
    }
    this.#grow();
  }

  #grow(): void {
    while (this.#waiting.length > this.#opening.size && this.#mayGrow()) this.#opening.add(this.#connect());
  }

  #connect(): Connection {
    return new Connection(this.#settings, this, this.#clock, this.#memory);
  }

  /**
   * The first connection alone, until it is logged in: a relay that is down, or does not know the password any more, sees one
   * attempt and not twenty.
   */
  #mayGrow(): boolean {
    if (this.#open.size === 0) return this.#opening.size === 0;
    const room = this.#open.size + this.#opening.size < this.#settings.maxConnections;
    return room && this.#clock.now() >= this.#growAfter;
  }

  // What connections say

  ready(connection: Connection): void {
    this.#opening.delete(connection);
    this.#open.add(connection);
  }

  next(connection: Connection): Job | undefined {
    const job = this.#closing ? undefined : this.#waiting.shift();
    if (job === undefined) return undefined;
    this.#at.set(job, connection);
    this.#grow();
    return job;
  }

  idle(connection: Connection): void {
    if (this.#closing) {
      connection.quit();
    } else {
      this.#idle.push({ connection, since: this.#clock.now() });
      this.#sweepLater();
    }
  }

  finished(job: Job, outcomes: readonly Outcome[]): void {
    this.#at.delete(job);
    if (!job.settled) job.finish(outcomes);
  }

  failed(job: Job, error: unknown): void {
    this.#at.delete(job);
    if (!job.settled) job.fail(error);
  }

  returned(job: Job): void {
    this.#at.delete(job);
    if (job.settled) return;
    if (this.#closing) job.finishAll(this.#stopped());
    else this.#waiting.unshift(job);
  }

  closed(connection: Connection, fault: Classified | null): void {
    this.#opening.delete(connection);
    this.#open.delete(connection);
    this.#idle = this.#idle.filter((idle) => idle.connection !== connection);
    if (fault !== null && !connection.proved) this.#failedFresh(fault);
    this.#checkClosed();
    if (!this.#closing) this.#pump();
  }

  /** A connection came to nothing. With no other alive, its fault is what all who wait have to hear. */
  #failedFresh(fault: Classified): void {
    this.#growAfter = this.#clock.now() + GROWTH_PAUSE;
    if (this.#open.size + this.#opening.size > 0) return;
    for (const job of this.#waiting.splice(0)) job.finishAll(fault);
  }

  // Idle connections

  #sweepLater(): void {
    const oldest = this.#idle[0];
    if (this.#sweeping || oldest === undefined) return;
    this.#sweeping = true;
    this.#clock.after(oldest.since + this.#settings.idleTimeout - this.#clock.now(), () => this.#sweep());
  }

  #sweep(): void {
    this.#sweeping = false;
    const limit = this.#clock.now() - this.#settings.idleTimeout;
    const old = this.#idle.filter((idle) => idle.since <= limit);
    this.#idle = this.#idle.filter((idle) => idle.since > limit);
    for (const { connection } of old) connection.quit();
    this.#sweepLater();
  }
}
