/** Connections to one relay under one login: as many as the waiting jobs need, kept logged in, reused, and ended when they are idle. */
import type { Outcome } from '../../mail/outcome.ts';
import type { Clock, Instant } from '../../runtime/clock.ts';
import type { Classified } from '../classify.ts';
import { classify } from '../classify.ts';
import { abortFault, contentFault } from '../faults.ts';
import { Connection, type Owner } from './connection.ts';
import type { Job } from './job.ts';
import type { RelaySettings } from './options.ts';
import type { Member, Quota } from './quota.ts';
import type { TlsMemory } from './secure.ts';

/** After a further connection failed, the relay gets this time before one more is tried beside those that work, ms. */
const GROWTH_PAUSE = 10_000;
/** A connection that has carried a message for so long hangs, or is slow: no further one is to wait behind it, ms. */
const STUCK = 5_000;
/** Messages that a connection carries before it makes room for another login that has none. */
const FAIR_SHARE = 20;
/** A login of some senders that was refused is not tried again for this time, ms. */
const LOGIN_PAUSE = 60_000;

interface Idle {
  readonly connection: Connection;
  readonly since: Instant;
}

export class Pool implements Owner, Member {
  readonly #settings: RelaySettings;
  readonly #clock: Clock;
  readonly #quota: Quota;
  /** Whose login it is: an address, or `@domain`; null: everybody's. */
  readonly #login: string | null;
  readonly #memory: TlsMemory = { session: undefined };
  #waiting: Job[] = [];
  readonly #opening = new Set<Connection>();
  readonly #open = new Set<Connection>();
  /** Told to end, and not ended yet. */
  readonly #leaving = new Set<Connection>();
  /** The one used last is reused first, so that those not needed grow old and end. */
  #idle: Idle[] = [];
  /** Where the jobs are that are under way, the longest first. */
  readonly #at = new Map<Job, { readonly connection: Connection; readonly since: Instant }>();
  #growAfter: Instant = 0;
  #growLater: (() => void) | null = null;
  #refused: { readonly fault: Outcome; readonly until: Instant } | null = null;
  #sweeping = false;
  #closing: { readonly done: Promise<void>; readonly resolve: () => void } | null = null;

  constructor(settings: RelaySettings, clock: Clock, quota: Quota, login: string | null) {
    this.#settings = settings;
    this.#clock = clock;
    this.#quota = quota;
    this.#login = login;
    quota.join(this);
  }

  /** Connections that have carried a message for long. */
  get stuck(): number {
    const before = this.#clock.now() - STUCK;
    const connections = new Set<Connection>();
    for (const { connection, since } of this.#at.values()) {
      if (since > before) break;
      connections.add(connection);
    }
    return connections.size;
  }

  /** Answers through the job. */
  submit(job: Job): void {
    const refused = this.#refused;
    if (this.#closing) {
      job.finishAll(this.#stopped());
    } else if (refused !== null && this.#clock.now() < refused.until) {
      job.finishAll(refused.fault);
    } else {
      this.#waiting.push(job);
      this.pump();
    }
  }

  /** Gives a job up unless its final dot is out. */
  giveUp(job: Job): void {
    if (job.settled) return;
    const connection = this.#at.get(job)?.connection;
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
      this.#growLater?.();
      for (const connection of [...this.#opening]) connection.abandon();
      for (const { connection } of this.#idle.splice(0)) this.#end(connection);
      this.#checkClosed();
    }
    return this.#closing.done;
  }

  /** What is behind its final dot stays in doubt. */
  breakOff(): void {
    for (const connection of [...this.#opening, ...this.#open]) connection.abandon();
  }

  #stopped(): Classified {
    return classify('lost', abortFault(this.#settings.peer));
  }

  #checkClosed(): void {
    if (this.#closing && this.#opening.size + this.#open.size === 0) this.#closing.resolve();
  }

  // Opening and ending connections

  get isStarving(): boolean {
    return this.#waiting.length > 0 && this.#open.size + this.#opening.size === 0;
  }

  pump(): void {
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      const { connection } = this.#idle.pop() as Idle;
      const job = this.next(connection);
      if (job === undefined) this.#end(connection);
      else connection.give(job);
    }
    this.#grow();
  }

  /** The one that has been idle for the longest time. */
  spare(): boolean {
    const [oldest] = this.#idle;
    if (oldest === undefined) return false;
    this.#idle.shift();
    this.#end(oldest.connection);
    return true;
  }

  #grow(): void {
    while (this.#waiting.length > this.#opening.size && this.#mayGrow()) this.#opening.add(this.#connect());
    if (this.isStarving && !this.#quota.hasRoom) this.#quota.makeRoomFor(this);
  }

  #connect(): Connection {
    this.#quota.opened();
    return new Connection(this.#settings, this, this.#clock, this.#memory);
  }

  /**
   * The first connection alone, until it is logged in: a relay that is down, or does not know the password any more, sees one
   * attempt and not twenty.
   */
  #mayGrow(): boolean {
    if (!this.#quota.hasRoom) return false;
    if (this.#open.size === 0) return this.#opening.size === 0;
    return this.#clock.now() >= this.#growAfter;
  }

  /** A connection that is idle, or about to be, makes room. */
  #mustEnd(connection: Connection): boolean {
    if (this.#closing !== null || this.#quota.isExceeded) return true;
    const fair = this.#waiting.length === 0 || connection.served >= FAIR_SHARE;
    return fair && this.#quota.isWantedBesides(this);
  }

  #end(connection: Connection): void {
    this.#leaving.add(connection);
    this.#quota.leaves();
    connection.quit();
  }

  // What connections say

  ready(connection: Connection): void {
    this.#opening.delete(connection);
    this.#open.add(connection);
  }

  next(connection: Connection): Job | undefined {
    const job = this.#mustEnd(connection) ? undefined : this.#waiting.shift();
    if (job === undefined) return undefined;
    this.#at.set(job, { connection, since: this.#clock.now() });
    this.#grow();
    return job;
  }

  idle(connection: Connection): void {
    if (this.#mustEnd(connection)) {
      this.#end(connection);
    } else {
      this.#idle.push({ connection, since: this.#clock.now() });
      this.#sweepLater();
      if (this.#waiting.length > 0) this.pump();
    }
  }

  /** What the relay had too many of goes out next, over the connection that is just getting free. */
  finished(job: Job, outcomes: readonly Outcome[]): void {
    this.#at.delete(job);
    if (job.settled) return;
    if (!job.take(outcomes)) return;
    if (this.#closing) job.finishAll(this.#stopped());
    else this.#waiting.unshift(job);
  }

  failed(job: Job, error: unknown): void {
    this.#at.delete(job);
    if (!job.settled) job.fail(error, classify('lost', contentFault(this.#settings.peer)));
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
    // Which also pumps this one.
    this.#quota.closed(this.#leaving.delete(connection));
  }

  /** A connection came to nothing. With no other alive, its fault is what all who wait have to hear. */
  #failedFresh(fault: Classified): void {
    this.#growAfter = this.#clock.now() + GROWTH_PAUSE;
    this.#growLater?.();
    // Those that work may be busy for minutes, and nothing else would ask again for the jobs that wait.
    this.#growLater = this.#closing === null ? this.#clock.after(GROWTH_PAUSE, () => this.pump()) : null;
    if (this.#open.size + this.#opening.size > 0) return;
    const outcome = this.#ofLogin(fault);
    for (const job of this.#waiting.splice(0)) job.finishAll(outcome);
  }

  /** A login of some senders concerns nobody else: it is told so, and not tried for each of their messages. */
  #ofLogin(fault: Classified): Outcome {
    if (this.#login === null || fault.kind !== 'deferred' || fault.rule !== 'login') return fault;
    const own: Outcome = { ...fault, login: this.#login };
    this.#refused = { fault: own, until: this.#clock.now() + LOGIN_PAUSE };
    return own;
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
    for (const { connection } of old) this.#end(connection);
    this.#sweepLater();
  }
}
