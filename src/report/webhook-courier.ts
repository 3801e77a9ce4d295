/** Takes the events of one webhook to it: in the order of each message, with a few connections, while no other process does. */
import type { WebhookEvent, WebhookState, WebhookStore, WebhookTry } from '../queue/webhook.ts';
import { Batch } from '../runtime/batch.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import { Signal } from '../runtime/signal.ts';
import { BROKEN, type Standing, standingAfter, waitAfter } from './webhook-patience.ts';
import { postWebhook, type WebhookAnswer, type WebhookTarget } from './webhook-post.ts';

/** A webhook of the settings. */
export interface Webhook extends WebhookTarget {
  readonly name: string;
  /** Posts at one time. */
  readonly connections: number;
  /** An event is not tried when it is older, ms. */
  readonly maxAge: number;
}

export interface CourierParts {
  readonly store: WebhookStore;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  /** This process. */
  readonly holder: Id;
}

/** Between two looks, ms. */
const POLL = 500;
/** How it stands is read anew and the lease renewed so often, ms: somebody may have enabled it, or asked for all again. */
const LOOK = 5_000;
/** Longer than clocks differ, and than a post takes, ms. */
const LEASE = 60_000;
/** Between two looks for what is too old, ms. */
const EXPIRY = 60_000;
/** Events in one transaction that lets them fail. */
const EXPIRED = 500;

interface Done {
  readonly event: WebhookEvent;
  readonly answer: WebhookAnswer;
  readonly at: Instant;
}

export class WebhookCourier {
  readonly #parts: CourierParts;
  readonly #webhook: Webhook;
  readonly #wake = new Signal();
  readonly #ended = new AbortController();
  /** Messages one of whose events is being posted. */
  readonly #underWay = new Map<Id, Promise<void>>();
  /** Ended since the last question for what is due: its answer may still have them. */
  readonly #over = new Set<Id>();
  readonly #results: Batch<Done, undefined>;
  /** While this process has the lease. */
  #standing: Standing | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #expiredAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(parts: CourierParts, webhook: Webhook) {
    this.#parts = parts;
    this.#webhook = webhook;
    this.#results = new Batch((done) => this.#write(done), { maxItems: 100 });
  }

  /** Until it is stopped. Never fails. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      await this.#turn();
      await this.#wake.wait(this.#parts.clock, POLL);
    }
    await Promise.all(this.#underWay.values());
  }

  /** What is due now, and what that lets follow. Never fails. */
  async once(): Promise<void> {
    for (;;) {
      await this.#turn();
      if (this.#underWay.size === 0) return;
      await Promise.race(this.#underWay.values());
    }
  }

  /** No further post is begun. `grace`: what is under way may take so long yet, ms. */
  stop(grace: number): void {
    this.#stopped = true;
    this.#wake.notify();
    this.#parts.clock.after(grace, () => this.#ended.abort());
  }

  /** Begins as many posts as there is room for. */
  async #turn(): Promise<void> {
    try {
      const now = this.#parts.clock.now();
      await this.#look(now);
      if (this.#standing === undefined) return;
      await this.#expire(now);
      const room = roomOf(this.#standing, this.#webhook, now);
      if (room <= this.#underWay.size) return;
      this.#over.clear();
      const due = await this.#parts.store.dueWebhookEvents(this.#webhook.name, now, room + this.#underWay.size);
      const next = due.filter(({ id, message }) => !this.#underWay.has(message) && !this.#over.has(id));
      for (const event of next.slice(0, room - this.#underWay.size)) this.#begin(event);
    } catch (error) {
      this.#parts.log.error(
        { webhook: this.#webhook.name, err: error },
        'webhook events cannot be read, it is tried again',
      );
    }
  }

  async #look(now: Instant): Promise<void> {
    if (now - this.#lookedAt < LOOK && now >= this.#lookedAt) return;
    const { store, holder } = this.#parts;
    const lease = Math.max(LEASE, 3 * this.#webhook.timeout);
    const [state] = await store.leaseWebhooks([this.#webhook.name], holder, now, now + lease);
    this.#standing = state === undefined ? undefined : this.#newer(state);
    this.#lookedAt = now;
  }

  /** What is under way has yet to be written: until then what is known here is newer, unless somebody enabled it. */
  #newer(state: WebhookState): Standing {
    return this.#underWay.size > 0 && this.#standing !== undefined && this.#standing.disabledAt === null
      ? this.#standing
      : state;
  }

  async #expire(now: Instant): Promise<void> {
    if (now - this.#expiredAt < EXPIRY && now >= this.#expiredAt) return;
    const { store, log } = this.#parts;
    const { name, maxAge } = this.#webhook;
    for (let expired = EXPIRED; expired === EXPIRED && !this.#stopped; ) {
      expired = await store.expireWebhookEvents(name, now - maxAge, EXPIRED);
      if (expired > 0) log.error({ webhook: name, events: expired }, 'webhook events could not be told in time');
    }
    this.#expiredAt = now;
  }

  #begin(event: WebhookEvent): void {
    const post = this.#post(event).finally(() => {
      this.#over.add(event.id);
      this.#underWay.delete(event.message);
      this.#wake.notify();
    });
    this.#underWay.set(event.message, post);
  }

  /** The next event of its message is looked for when this one's end is written. Never fails. */
  async #post(event: WebhookEvent): Promise<void> {
    const { clock, log } = this.#parts;
    const answer = await postWebhook(this.#webhook, event, clock.now(), this.#ended.signal);
    if (this.#ended.signal.aborted && answer.error !== null) return;
    try {
      await this.#results.add({ event, answer, at: clock.now() });
    } catch (error) {
      log.error(
        { webhook: this.#webhook.name, event: event.id, err: error },
        'the end of a webhook event is not kept, it comes again',
      );
    }
  }

  async #write(done: readonly Done[]): Promise<readonly undefined[]> {
    const { store, clock, random } = this.#parts;
    const failed: WebhookTry[] = [];
    const delivered: Id[] = [];
    const before = this.#standing ?? NEW;
    let after = before;
    for (const { event, answer, at } of done) {
      after = standingAfter(after, answer, at, random());
      if (answer.error === null) delivered.push(event.id);
      else failed.push(tryOf(event, answer, at, random()));
    }
    this.#tellOf(before, after, failed.at(-1)?.error);
    // How it stands is for whoever has the lease to say.
    const state = this.#standing === undefined ? null : after;
    if (state !== null) this.#standing = state;
    await store.endWebhookEvents(this.#webhook.name, { at: clock.now(), delivered, failed, state });
    return done.map(() => undefined);
  }

  /** Once for each turn of events, not for each event. */
  #tellOf(before: Standing, after: Standing, error: string | undefined): void {
    const { log } = this.#parts;
    const webhook = this.#webhook.name;
    if (before.disabledAt === null && after.disabledAt !== null)
      log.error({ webhook, error }, 'webhook is gone (410): it is disabled until somebody enables it');
    else if (before.failures === 0 && after.failures > 0)
      log.warn({ webhook, error }, 'webhook failed, it is tried again');
    else if (before.failures < BROKEN && after.failures >= BROKEN)
      log.error({ webhook, error }, 'webhook fails: it is tried now and then');
    else if (before.failures > 0 && after.failures === 0) log.info({ webhook }, 'webhook is well again');
  }
}

const NEW: Standing = { failures: 0, failingSince: null, restUntil: null, disabledAt: null };

/** One that fails costs one connection now and then. */
function roomOf({ failures, restUntil, disabledAt }: Standing, { connections }: Webhook, now: Instant): number {
  if (disabledAt !== null || (restUntil !== null && restUntil > now)) return 0;
  return failures >= BROKEN ? 1 : connections;
}

function tryOf(event: WebhookEvent, { status, error }: WebhookAnswer, at: Instant, random: number): WebhookTry {
  return { id: event.id, at, status, error: error ?? '', dueAt: at + waitAfter(event.attempts + 1, random) };
}
