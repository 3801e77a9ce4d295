/** The transport that hands mail to a relay by SMTP. */
import { type Address, addressKey, domainOf } from '../../mail/address.ts';
import type { Envelope } from '../../mail/envelope.ts';
import type { Outcome } from '../../mail/outcome.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { contentFault } from '../faults.ts';
import type { Connected, Content } from '../transport.ts';
import { Job } from './job.ts';
import type { RelaySettings, SmtpOptions } from './options.ts';
import { Pool } from './pool.ts';
import { probe, type RelayReport } from './probe.ts';
import { Quota } from './quota.ts';
import { DEFAULT_CONNECTIONS, settle } from './settings.ts';

interface Watched {
  readonly jobs: Map<Job, Pool>;
  readonly abort: () => void;
}

/** A login, its settings and its connections. */
interface Lane {
  readonly settings: RelaySettings;
  readonly pool: Pool;
}

export class SmtpTransport implements Connected {
  readonly #settings: RelaySettings;
  readonly #clock: Clock;
  readonly #quota: Quota;
  readonly #lane: Lane;
  /** By sender, or `@domain` of senders, in lower case. */
  readonly #lanes = new Map<string, Lane>();
  /** Jobs to give up when their signal says so: one listener for each signal, however many jobs share it. */
  readonly #bySignal = new Map<AbortSignal, Watched>();

  /** Throws CONFIG_INVALID for options that cannot be used. */
  constructor(options: SmtpOptions, { clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#settings = settle(options);
    this.#clock = clock;
    this.#quota = new Quota(options.maxConnections ?? DEFAULT_CONNECTIONS);
    this.#lane = this.#open(this.#settings, null);
    for (const [sender, credentials] of Object.entries(options.logins ?? {})) {
      const key = addressKey(sender);
      this.#lanes.set(key, this.#open(settle({ ...options, credentials }), key));
    }
  }

  #open(settings: RelaySettings, login: string | null): Lane {
    return { settings, pool: new Pool(settings, this.#clock, this.#quota, login) };
  }

  /**
   * For each connection one whose reply is awaited, one written behind its final dot, and one at hand for when both replies come together; where
   * the relay has not answered for long, the first alone.
   */
  get concurrency(): number {
    const stuck = this.#pools.reduce((sum, pool) => sum + pool.stuck, 0);
    return Math.max(0, 3 * this.#quota.limit - 2 * stuck);
  }

  get #pools(): readonly Pool[] {
    return [this.#lane, ...this.#lanes.values()].map(({ pool }) => pool);
  }

  get limit(): number {
    return this.#quota.limit;
  }

  get connections(): number {
    return this.#quota.open;
  }

  get peak(): number {
    return this.#quota.peak;
  }

  restartPeak(): void {
    this.#quota.restartPeak();
  }

  setLimit(connections: number): void {
    this.#quota.limit = Math.max(0, Math.floor(connections));
  }

  send(envelope: Envelope, content: Content, signal: AbortSignal): Promise<readonly Outcome[]> {
    const { recipients } = envelope;
    const { maxRecipients: limit, maxSize } = this.#settings;
    if (content.size > maxSize) return Promise.resolve(recipients.map(() => tooLarge(content.size, maxSize)));
    if (recipients.length <= limit) return this.#submit(new Job(envelope, content), signal);
    const parts: Job[] = [];
    for (let from = 0; from < recipients.length; from += limit) {
      parts.push(new Job({ ...envelope, recipients: recipients.slice(from, from + limit) }, content));
    }
    return this.#submitAll(parts, signal);
  }

  /** What was sent in one part must be told though another could not be read, or it would be sent again. */
  async #submitAll(parts: readonly Job[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const results = await Promise.allSettled(parts.map((job) => this.#submit(job, signal)));
    const [first] = results;
    if (first?.status === 'rejected' && results.every((result) => result.status === 'rejected')) throw first.reason;
    const unread: Outcome = {
      kind: 'deferred',
      scope: 'message',
      reply: contentFault(this.#settings.peer),
      inDoubt: false,
    };
    return results.flatMap((result, i) => {
      if (result.status === 'fulfilled') return result.value;
      return parts[i]?.envelope.recipients.map(() => unread) ?? [];
    });
  }

  /** Connects, encrypts, logs in (as for that sender) and quits, sending nothing, within `limit` ms where one is given. */
  verify(signal: AbortSignal, sender: Address | null = null, limit?: number): Promise<RelayReport> {
    return probe(this.#laneOf(sender).settings, this.#clock, { signal, limit });
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()));
  }

  breakOff(): void {
    for (const pool of this.#pools) pool.breakOff();
  }

  #laneOf(sender: Address | null): Lane {
    if (sender === null || this.#lanes.size === 0) return this.#lane;
    return this.#lanes.get(addressKey(sender)) ?? this.#lanes.get(`@${domainOf(sender)}`) ?? this.#lane;
  }

  #submit(job: Job, signal: AbortSignal): Promise<readonly Outcome[]> {
    const { pool } = this.#laneOf(job.envelope.sender);
    if (signal.aborted) {
      pool.giveUp(job);
    } else {
      this.#watch(job, pool, signal);
      pool.submit(job);
    }
    return job.done;
  }

  #watch(job: Job, pool: Pool, signal: AbortSignal): void {
    const watched = this.#bySignal.get(signal) ?? this.#listen(signal);
    watched.jobs.set(job, pool);
    job.whenSettled = () => this.#forget(job, signal);
  }

  #listen(signal: AbortSignal): Watched {
    const jobs = new Map<Job, Pool>();
    const abort = (): void => {
      for (const [job, pool] of [...jobs]) pool.giveUp(job);
    };
    signal.addEventListener('abort', abort, { once: true });
    const watched = { jobs, abort };
    this.#bySignal.set(signal, watched);
    return watched;
  }

  #forget(job: Job, signal: AbortSignal): void {
    const watched = this.#bySignal.get(signal);
    if (!watched?.jobs.delete(job) || watched.jobs.size > 0) return;
    signal.removeEventListener('abort', watched.abort);
    this.#bySignal.delete(signal);
  }
}

function tooLarge(size: number, limit: number): Outcome {
  const text = `this relay is set to take no message above ${limit} octets, and this one has ${size}`;
  return { kind: 'refused', scope: 'message', reply: { code: 552, status: '5.3.4', text, ours: true } };
}
