/** What waits for what: relays, workers and settings, looked at once for all deliveries that somebody asks about. */
import { relaysOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import type { Delivery } from '../queue/delivery.ts';
import { type NextTry, nextTry, nextWord } from '../queue/next-try.ts';
import { knownNodes } from '../queue/nodes.ts';
import type { Node, RelayState } from '../queue/relay-store.ts';
import { DEFAULT_RELAY } from '../queue/route.ts';
import type { Store } from '../queue/store.ts';
import { type RelayPlan, whyWaiting } from '../queue/why.ts';
import type { Instant } from '../runtime/clock.ts';

export class Outlook {
  readonly now: Instant;
  readonly #config: Config;
  readonly #relays: ReadonlyMap<string, RelayState>;
  readonly #nodes: readonly Node[];
  readonly #plans = new Map<string, RelayPlan>();

  private constructor(config: Config, relays: readonly RelayState[], nodes: readonly Node[], now: Instant) {
    this.now = now;
    this.#config = config;
    this.#nodes = nodes;
    this.#relays = new Map(relays.map((state) => [state.relay, state]));
  }

  static async of(store: Store, config: Config, now: Instant): Promise<Outlook> {
    const [relays, nodes] = await Promise.all([store.relays(), knownNodes(store)]);
    return new Outlook(config, relays, nodes, now);
  }

  why(delivery: Delivery): string {
    return whyWaiting(delivery, this.#relays.get(delivery.relay), this.#nodes, this.now, this.#planOf(delivery.relay));
  }

  /** null for what is not queued. */
  next(delivery: Delivery): NextTry | null {
    if (delivery.state !== 'queued') return null;
    const [nodes, now] = [this.#nodes, this.now];
    return nextTry({
      delivery,
      relay: this.#relays.get(delivery.relay),
      nodes,
      now,
      plan: this.#planOf(delivery.relay),
    });
  }

  nextWord(delivery: Delivery): string {
    const next = this.next(delivery);
    return next === null ? '' : nextWord(next, this.now);
  }

  #planOf(relay: string): RelayPlan {
    const plan = this.#plans.get(relay) ?? planOf(this.#config, relay);
    this.#plans.set(relay, plan);
    return plan;
  }
}

/**
 * What the settings say of a delivery's relay. A short command may not see the setting `relay`, which is often in the environment of
 * the server alone: so `default` counts as known always, and where nothing is told of relays, every name does.
 */
function planOf(config: Config, name: string): RelayPlan {
  const tells = Object.keys(config.relays).length > 0;
  const settings = relaysOf(config).find((relay) => relay.name === name);
  return {
    known: !tells || name === DEFAULT_RELAY || settings !== undefined,
    fallback: settings?.fallback ?? [],
    failoverAfter: settings?.failoverAfter ?? 0,
  };
}
