/** Raises alerts: once when something begins, and once when it is over. What could not be told is told at the next look. */
import { type Alert, type AlertLimits, alertsOf } from '../queue/alerts.ts';
import type { Overview } from '../queue/overview.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Service } from '../runtime/service.ts';

/** What is told, as JSON. */
export interface AlertNotice extends Alert {
  readonly state: 'raised' | 'over';
  /** When it was seen first. */
  readonly since: Instant;
  readonly at: Instant;
  /** The machine that tells. */
  readonly host: string;
}

/** A way to people. Fails when it could not tell them. */
export type Teller = (notice: AlertNotice) => Promise<void>;

export interface AlarmParts {
  readonly overview: Overview;
  readonly clock: Clock;
  readonly log: Log;
  readonly host: string;
  readonly limits: AlertLimits;
  readonly tellers: readonly Teller[];
}

/** Between two looks, ms. */
const INTERVAL = 30_000;

/** Looks that must fail before it is more than a restart of the database. */
const FAILURES = 2;
const STORE: Alert = { name: 'store', text: 'the database cannot be read' };

/** An alert that lasts. */
interface Episode {
  readonly alert: Alert;
  readonly since: Instant;
  /** Who has heard of it. */
  readonly told: ReadonlySet<Teller>;
}

export class Alarm implements Service {
  readonly #parts: AlarmParts;
  readonly #begun: Instant;
  readonly #episodes = new Map<string, Episode>();
  /** Those that are over, in their order, and who has yet to hear of it. */
  #over: readonly Episode[] = [];
  #cancel: (() => void) | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Looks in a row that failed. */
  #failures = 0;

  constructor(parts: AlarmParts) {
    this.#parts = parts;
    this.#begun = parts.clock.now();
  }

  start(): Promise<void> {
    this.#schedule();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#looking;
  }

  #schedule(): void {
    this.#cancel = this.#parts.clock.after(INTERVAL, () => {
      this.#looking = this.look().finally(() => this.#stopped || this.#schedule());
    });
  }

  #lasting(): readonly Alert[] {
    return [...this.#episodes.values()].map(({ alert }) => alert);
  }

  /** One look. Never fails: while the database cannot be read, what lasted before is taken to last. */
  async look(): Promise<void> {
    const { overview, limits, log } = this.#parts;
    try {
      const [health, lastSent] = await Promise.all([overview.health(), overview.lastSent()]);
      this.#failures = 0;
      this.#compare(alertsOf(health, lastSent, this.#begun, limits), health.now);
    } catch (error) {
      log.error({ err: error }, 'alerts cannot be looked for');
      if (++this.#failures >= FAILURES) this.#compare([...this.#lasting(), STORE], this.#parts.clock.now());
    }
    await this.#tellAll();
  }

  #compare(alerts: readonly Alert[], now: Instant): void {
    const lasting = new Set(alerts.map(({ name }) => name));
    for (const alert of alerts) {
      if (this.#episodes.has(alert.name)) continue;
      this.#episodes.set(alert.name, { alert, since: now, told: new Set() });
      this.#parts.log.warn({ alert: alert.name, text: alert.text }, 'alert raised');
    }
    for (const [name, episode] of this.#episodes) {
      if (lasting.has(name)) continue;
      this.#episodes.delete(name);
      this.#over = [...this.#over, episode];
      this.#parts.log.info({ alert: name }, 'alert over');
    }
  }

  async #tellAll(): Promise<void> {
    const over: Episode[] = [];
    for (const episode of this.#over) {
      // Who never heard of its begin need not hear of its end.
      const missing = await this.#tell('over', episode, [...episode.told]);
      if (missing.length > 0) over.push({ ...episode, told: new Set(missing) });
    }
    this.#over = over;
    for (const [name, episode] of this.#episodes) {
      const waiting = this.#parts.tellers.filter((teller) => !episode.told.has(teller) && !this.#owes(teller, name));
      const missing = await this.#tell('raised', episode, waiting);
      const told = waiting.filter((teller) => !missing.includes(teller));
      this.#episodes.set(name, { ...episode, told: new Set([...episode.told, ...told]) });
    }
  }

  /** Whoever heard of the end after the next begin would take that one for over. */
  #owes(teller: Teller, name: string): boolean {
    return this.#over.some(({ alert, told }) => alert.name === name && told.has(teller));
  }

  /** Answers with those that could not. */
  async #tell(
    state: AlertNotice['state'],
    { alert, since }: Episode,
    tellers: readonly Teller[],
  ): Promise<readonly Teller[]> {
    const { clock, host, log } = this.#parts;
    const notice: AlertNotice = { ...alert, state, since, at: clock.now(), host };
    const missing: Teller[] = [];
    for (const teller of tellers) {
      try {
        await teller(notice);
      } catch (error) {
        log.error({ alert: alert.name, state, error: String(error) }, 'alert could not be told');
        missing.push(teller);
      }
    }
    return missing;
  }
}
