/** What an application does with its queue: submits, looks, moves, and works on it. */
import { createTransport, type SendMailOptions, type Transport, type Transporter } from 'nodemailer';
import { relaysOf } from '../config/relays.ts';
import { PosthasteError } from '../errors.ts';
import type { Attempt, Delivery } from '../queue/delivery.ts';
import type { Message, Priority } from '../queue/message.ts';
import type { RetryOverride } from '../queue/schedule.ts';
import type { Filter, Listed } from '../queue/store.ts';
import { type RelayPlan, whyWaiting } from '../queue/why.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import type { IntakeContext, SubmissionDetails } from '../submission/intake.ts';
import { nodemailerTransport, type QueuedInfo } from '../submission/nodemailer.ts';
import type { App } from './open.ts';

/** A time as a Date, or in milliseconds since 1970. */
export type Time = Date | number;

/** What a message may ask of the queue. */
export interface SubmitOptions {
  /** Strict order. `deferred` waits until somebody retries it. Default `medium`. */
  readonly priority?: Priority;
  /** Not before this time. Default: at once. */
  readonly sendAt?: Time;
  /** Given up when it has not been sent by then, as a one-time password is. Default: at the age that the settings name. */
  readonly expiresAt?: Time;
  /** The same key is kept once: a second message with it answers with the first one's id. */
  readonly key?: string;
  /** For routes, lists and searches. */
  readonly tags?: readonly string[];
  /** Kept and shown, never sent. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** In place of its relay's retry policy; times in ms. */
  readonly retry?: RetryOverride;
  /** Waits for `release`. */
  readonly held?: boolean;
}

/** A message as Nodemailer's `sendMail` takes it. */
export type Mail = SendMailOptions;

/** A delivery with the answer to "why has it not been sent?" in one sentence. */
export interface ExplainedDelivery extends Delivery {
  readonly why: string;
}

/** All that is known of a message but its content. */
export interface FoundMessage {
  readonly message: Message;
  readonly deliveries: readonly ExplainedDelivery[];
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
  readonly contentKept: boolean;
}

/** Deliveries in one question to the store. */
const PAGE = 200;

export class MailQueue {
  readonly #app: App;
  readonly #intake: IntakeContext;
  readonly #log: Log;
  readonly #version: string;
  #mailer: Transporter<QueuedInfo> | undefined;
  #working: Promise<{ stop(): Promise<void> }> | undefined;
  #closing: Promise<void> | undefined;

  /** @internal `openQueue` makes one. */
  constructor(app: App, intake: IntakeContext, log: Log, version: string) {
    this.#app = app;
    this.#intake = intake;
    this.#log = log;
    this.#version = version;
  }

  /**
   * Renders the message and resolves when it is durable, in about a millisecond; relays come later. Throws NO_RECIPIENTS,
   * TOO_MANY_RECIPIENTS, ADDRESS_INVALID, MESSAGE_TOO_LARGE, MESSAGE_REFUSED, RETRY_INVALID, STORE_UNAVAILABLE (nothing was kept: try
   * again), STOPPED, and what Nodemailer throws for contents that it cannot read.
   */
  async submit(mail: Mail, options: SubmitOptions = {}): Promise<QueuedInfo> {
    this.#checkOpen();
    this.#mailer ??= createTransport(this.transport());
    return this.#mailer.sendMail({ ...mail, posthaste: options } as Mail);
  }

  /**
   * For `nodemailer.createTransport(queue.transport())`: existing code stays as it is, and its messages are kept before they are sent. A message
   * may carry `SubmitOptions` as `posthaste: { priority: 'high' }`.
   */
  transport(): Transport<QueuedInfo> {
    return nodemailerTransport(this.#intake, this.#version, (data) => {
      this.#checkOpen();
      return detailsOf((data as { readonly posthaste?: SubmitOptions }).posthaste ?? {});
    });
  }

  /** null when there is no such message, or it has been purged. */
  async get(id: Id): Promise<FoundMessage | null> {
    this.#checkOpen();
    const { store, queue, config } = this.#app;
    const found = await queue.get(id);
    if (found === null) return null;
    const now = systemClock.now();
    const [relays, nodes] = await Promise.all([store.relays(), store.nodes(0)]);
    const plans = new Map<string, RelayPlan>();
    for (const relay of relaysOf(config)) {
      plans.set(relay.name, { known: true, fallback: relay.fallback, failoverAfter: relay.failoverAfter });
    }
    const explained = found.deliveries.map((delivery) => {
      const relay = relays.find((each) => each.relay === delivery.relay);
      return { ...delivery, why: whyWaiting(delivery, relay, nodes, now, plans.get(delivery.relay)) };
    });
    return { ...found, deliveries: explained };
  }

  /** One entry for each recipient, newest message first; reads on as far as it is asked to. */
  async *find(filter: Filter = {}): AsyncGenerator<Listed, void> {
    this.#checkOpen();
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await this.#app.queue.find(filter, { limit: PAGE, ...(cursor !== undefined && { cursor }) });
      yield* page.rows;
      cursor = page.cursor;
    }
  }

  /** Deliveries that the filter names. */
  async count(filter: Filter = {}): Promise<number> {
    this.#checkOpen();
    return this.#app.store.count(filter);
  }

  /** queued -> held. Returns how many deliveries. */
  async hold(filter: Filter): Promise<number> {
    this.#checkOpen();
    return this.#app.queue.hold(filter);
  }

  /** held -> queued, due at once. */
  async release(filter: Filter): Promise<number> {
    this.#checkOpen();
    return this.#app.queue.release(filter);
  }

  /** Due at once: what waits for its next attempt, and what has ended where the filter names such states. */
  async retry(filter: Filter): Promise<number> {
    this.#checkOpen();
    return this.#app.queue.retry(filter);
  }

  /** queued or held -> cancelled. */
  async cancel(filter: Filter): Promise<number> {
    this.#checkOpen();
    return this.#app.queue.cancel(filter);
  }

  /**
   * Delivers in this process until `close`, as `posthaste work` does beside it: by the relays of the settings. Resolves when it has
   * begun; further calls change nothing.
   */
  async work(): Promise<void> {
    this.#checkOpen();
    this.#working ??= this.#startWork();
    await this.#working;
  }

  async #startWork(): Promise<{ stop(): Promise<void> }> {
    const { startDelivery } = await import('./delivering.ts');
    return startDelivery(this.#app, 'library', this.#log, this.#intake.signer);
  }

  /** Ends what is under way in order and closes the database. May come twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const working = await this.#working?.catch(() => undefined);
    await working?.stop();
    await this.#app.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new PosthasteError('STOPPED', 'The queue is closed: open it again before you use it.');
  }
}

function detailsOf(options: SubmitOptions): SubmissionDetails {
  const { priority, sendAt, expiresAt, key, tags, metadata, retry, held } = options;
  return {
    ...(priority !== undefined && { priority }),
    ...(sendAt !== undefined && { sendAt: Number(sendAt) }),
    ...(expiresAt !== undefined && { expiresAt: Number(expiresAt) }),
    ...(key !== undefined && { key }),
    ...(tags !== undefined && { tags }),
    ...(metadata !== undefined && { metadata }),
    ...(retry !== undefined && { retry }),
    ...(held !== undefined && { held }),
  };
}
