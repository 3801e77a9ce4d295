/** The transport that hands mail to a relay by SMTP. */
import type { Envelope } from '../../mail/envelope.ts';
import type { Outcome } from '../../mail/outcome.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { contentFault } from '../faults.ts';
import type { Content, Transport } from '../transport.ts';
import { Job } from './job.ts';
import { type RelaySettings, type SmtpOptions, settle } from './options.ts';
import { Pool } from './pool.ts';
import { probe, type RelayReport } from './probe.ts';

export class SmtpTransport implements Transport {
  readonly concurrency: number;
  readonly #settings: RelaySettings;
  readonly #clock: Clock;
  readonly #pool: Pool;
  /** Jobs to give up when their signal says so: one listener for each signal, however many jobs share it. */
  readonly #bySignal = new Map<AbortSignal, { readonly jobs: Set<Job>; readonly abort: () => void }>();

  constructor(options: SmtpOptions, { clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#settings = settle(options);
    this.#clock = clock;
    this.#pool = new Pool(this.#settings, clock);
    // One whose reply is awaited, one written behind its final dot, and one at hand for when both replies come together.
    this.concurrency = 3 * this.#settings.maxConnections;
  }

  send(envelope: Envelope, content: Content, signal: AbortSignal): Promise<readonly Outcome[]> {
    const { recipients } = envelope;
    const limit = this.#settings.maxRecipients;
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

  /** Connects, encrypts, logs in and quits, sending nothing. */
  verify(signal: AbortSignal): Promise<RelayReport> {
    return probe(this.#settings, this.#clock, signal);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #submit(job: Job, signal: AbortSignal): Promise<readonly Outcome[]> {
    if (signal.aborted) {
      this.#pool.giveUp(job);
    } else {
      this.#watch(job, signal);
      this.#pool.submit(job);
    }
    return job.done;
  }

  #watch(job: Job, signal: AbortSignal): void {
    const watched = this.#bySignal.get(signal) ?? this.#listen(signal);
    watched.jobs.add(job);
    job.whenSettled = () => this.#forget(job, signal);
  }

  #listen(signal: AbortSignal): { jobs: Set<Job>; abort: () => void } {
    const jobs = new Set<Job>();
    const abort = (): void => {
      for (const job of [...jobs]) this.#pool.giveUp(job);
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
