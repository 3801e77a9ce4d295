/** The webhooks of a process: makes them known to the queue, and has a courier for each. */
import type { WebhookEntry } from '../queue/webhook.ts';
import type { Service } from '../runtime/service.ts';
import { type CourierParts, type Webhook, WebhookCourier } from './webhook-courier.ts';

/** How long what is under way may go on after a stop, ms: less than mail gets, as what is broken off is posted again under the same id. */
const GRACE = 1_000;

export class Webhooks implements Service {
  readonly #parts: CourierParts;
  readonly #entries: readonly WebhookEntry[];
  readonly #couriers: readonly WebhookCourier[];
  #running: Promise<unknown> = Promise.resolve();

  constructor(parts: CourierParts, webhooks: readonly (Webhook & WebhookEntry)[]) {
    this.#parts = parts;
    this.#entries = webhooks.map(({ name, events }) => ({ name, events }));
    this.#couriers = webhooks.map((webhook) => new WebhookCourier(parts, webhook));
  }

  async start(): Promise<void> {
    const { store, clock } = this.#parts;
    await store.registerWebhooks(this.#entries, clock.now());
    this.#running = Promise.all(this.#couriers.map((courier) => courier.run()));
  }

  async stop(): Promise<void> {
    for (const courier of this.#couriers) courier.stop(GRACE);
    await this.#running;
    await this.#release();
  }

  /** What is due now, in place of `start`. */
  async once(): Promise<void> {
    const { store, clock } = this.#parts;
    await store.registerWebhooks(this.#entries, clock.now());
    await Promise.all(this.#couriers.map((courier) => courier.once()));
    await this.#release();
  }

  /** Where it fails the lease runs out. */
  async #release(): Promise<void> {
    const { store, holder, log } = this.#parts;
    await store
      .releaseWebhooks(holder)
      .catch((error: unknown) => log.warn({ err: error }, 'the lease of webhooks runs out by itself'));
  }
}
