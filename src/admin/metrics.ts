/** Metrics for Prometheus, by its conventions for names and units: what the process does, and how the queue stands when it is asked. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Attempt } from '../queue/delivery.ts';
import { type Health, problemsOf } from '../queue/health.ts';
import type { Message } from '../queue/message.ts';
import type { Meter } from '../queue/metered.ts';
import type { Overview } from '../queue/overview.ts';
import { STANDINGS, standingOf } from '../queue/standing.ts';
import { isSeen } from '../queue/why.ts';
import type { Clock, Instant } from '../runtime/clock.ts';

/** So long an answer of the database holds, ms: sums over millions of deliveries take a while. */
const FRESH = 5_000;

const STORE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const ATTEMPT_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

export class Metrics implements Meter {
  readonly #registry = new Registry();
  readonly #clock: Clock;
  readonly #accepted: Counter<'origin'>;
  readonly #attempts: Counter<'relay' | 'outcome'>;
  readonly #attemptSeconds: Histogram<'relay' | 'outcome'>;
  readonly #storeSeconds: Histogram<'operation'>;
  readonly #storeErrors: Counter<'operation'>;
  readonly #queue: QueueGauges;
  #read: { readonly at: Instant; readonly done: Promise<void> } | undefined;

  constructor(clock: Clock, version: string) {
    const registers = [this.#registry];
    this.#clock = clock;
    this.#accepted = new Counter({
      name: 'posthaste_messages_accepted_total',
      help: 'Messages that this process has kept, by the way they came.',
      labelNames: ['origin'],
      registers,
    });
    this.#attempts = new Counter({
      name: 'posthaste_attempts_total',
      help: 'Attempts of deliveries that this process has made.',
      labelNames: ['relay', 'outcome'],
      registers,
    });
    this.#attemptSeconds = new Histogram({
      name: 'posthaste_attempt_duration_seconds',
      help: 'How long attempts took.',
      labelNames: ['relay', 'outcome'],
      buckets: ATTEMPT_SECONDS,
      registers,
    });
    this.#storeSeconds = new Histogram({
      name: 'posthaste_store_duration_seconds',
      help: 'How long the database took, with the wait for it.',
      labelNames: ['operation'],
      buckets: STORE_SECONDS,
      registers,
    });
    this.#storeErrors = new Counter({
      name: 'posthaste_store_errors_total',
      help: 'What the database could not do.',
      labelNames: ['operation'],
      registers,
    });
    this.#queue = queueGauges(registers);
    new Gauge({ name: 'posthaste_info', help: 'Always 1.', labelNames: ['version'], registers }).set({ version }, 1);
    collectDefaultMetrics({ register: this.#registry });
  }

  timed(operation: string, seconds: number, failed: boolean): void {
    this.#storeSeconds.observe({ operation }, seconds);
    if (failed) this.#storeErrors.inc({ operation });
  }

  accepted({ origin }: Message): void {
    this.#accepted.inc({ origin });
  }

  attempted({ relay, outcome, durationMs }: Omit<Attempt, 'ordinal'>): void {
    this.#attempts.inc({ relay, outcome });
    this.#attemptSeconds.observe({ relay, outcome }, durationMs / 1_000);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In the text format. A database that cannot be read leaves the last sums, and shows in `posthaste_queue_readable`. */
  async text(overview: Overview, relays: readonly string[]): Promise<string> {
    const now = this.#clock.now();
    if (this.#read === undefined || now - this.#read.at >= FRESH) {
      this.#read = { at: now, done: this.#readQueue(overview, relays) };
    }
    await this.#read.done;
    return this.#registry.metrics();
  }

  async #readQueue(overview: Overview, relays: readonly string[]): Promise<void> {
    try {
      const [health, lastSent] = await Promise.all([overview.health(), overview.lastSent()]);
      showQueue(this.#queue, health, lastSent, relays);
      this.#queue.readable.set(1);
    } catch {
      this.#queue.readable.set(0);
    }
  }
}

function queueGauges(registers: Registry[]) {
  const gauge = <const L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge({ name: `posthaste_${name}`, help, labelNames: [...labelNames], registers });
  return {
    readable: gauge('queue_readable', '1: the sums of the queue are those of now; 0: the database could not be read.'),
    deliveries: gauge('deliveries', 'Deliveries that are kept.', ['state']),
    deferred: gauge('deliveries_deferred', 'Of the queued deliveries: tried at least once.'),
    inDoubt: gauge('deliveries_in_doubt', 'Deliveries that may have arrived: an attempt ended before the answer.'),
    lostReports: gauge('reports_lost', 'Reports to senders that were given up in the last 24 hours.'),
    oldestDue: gauge(
      'oldest_due_age_seconds',
      'For how long the oldest delivery that is due has been due; 0: none is.',
    ),
    lastSent: gauge(
      'last_sent_timestamp_seconds',
      'When a relay last took mail that is still kept; 0: it is not known.',
    ),
    workers: gauge('nodes', 'Processes on the database that were seen lately.'),
    relay: gauge('relay_standing', '1 for how the relay stands, 0 for all else.', ['relay', 'standing']),
    faults: gauge('relay_faults', 'Faults of the relay in a row.', ['relay']),
    problems: gauge('problems', 'What posthaste status would say is wrong.', ['level']),
  };
}

type QueueGauges = ReturnType<typeof queueGauges>;

function showQueue(gauges: QueueGauges, health: Health, lastSent: Instant | null, relays: readonly string[]): void {
  const { counts, nodes, now } = health;
  for (const [state, count] of Object.entries(counts.states)) gauges.deliveries.set({ state }, count);
  gauges.deferred.set(counts.deferred);
  gauges.inDoubt.set(counts.inDoubt);
  gauges.lostReports.set(counts.lostReports);
  gauges.oldestDue.set(counts.oldestDue === null ? 0 : Math.max(0, now - counts.oldestDue) / 1_000);
  gauges.lastSent.set((lastSent ?? 0) / 1_000);
  gauges.workers.set(nodes.filter((node) => isSeen(node, now)).length);
  showRelays(gauges, health, relays);
  const problems = problemsOf(health);
  for (const level of ['warning', 'critical'] as const)
    gauges.problems.set({ level }, problems.filter((problem) => problem.level === level).length);
}

function showRelays({ relay: standing, faults }: QueueGauges, health: Health, relays: readonly string[]): void {
  const states = new Map(health.relays.map((state) => [state.relay, state]));
  for (const relay of relays) {
    const state = states.get(relay);
    const now = standingOf(state, health);
    for (const each of STANDINGS) standing.set({ relay, standing: each }, each === now ? 1 : 0);
    faults.set({ relay }, state?.faults ?? 0);
  }
}
