/** What the queue knows of itself, for those who watch it: sums, relays, processes, and what came and went. Only reads. */
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Health } from './health.ts';
import { knownNodes } from './nodes.ts';
import type { Held, Node, RelayState } from './relay-store.ts';
import { beginning, behind, isBeyond, isSearch, SEARCHED } from './search.ts';
import type { Counts, Filter, Flow, Page, PageRequest, Store, Suppression } from './store.ts';
import { partKey } from './suppression.ts';
import { SIGN, type Vain, vainOf } from './vain.ts';

/** Deliveries of each relay and priority that are looked through for signs that it defers all. */
const SIGNS = 2_000;

export class Overview {
  readonly #store: Store;
  readonly #clock: Pick<Clock, 'now'>;
  #counting: Promise<Counts> | undefined;

  constructor(store: Store, clock: Pick<Clock, 'now'>) {
    this.#store = store;
    this.#clock = clock;
  }

  /** What `problemsOf` judges. */
  async health(): Promise<Health> {
    const now = this.#clock.now();
    const [counts, relays, nodes, webhooks] = await Promise.all([
      this.#counts(now),
      this.relays(),
      this.nodes(),
      this.#store.webhooks(),
    ]);
    const failing = relays.filter(({ faults }) => faults > 0).map(({ relay }) => relay);
    const waitedFor = new Set<string>();
    for (const relay of failing) if (await this.#isWaitedFor(relay, counts)) waitedFor.add(relay);
    return { counts, relays, waitedFor, nodes, webhooks, vain: await this.#vain(counts, relays), now };
  }

  /** Who asks while it is being counted gets the same: with a million deliveries it takes tenths of a second. */
  #counts(now: Instant): Promise<Counts> {
    this.#counting ??= this.#store.counts(now).finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  async #isWaitedFor(relay: string, { states }: Counts): Promise<boolean> {
    if ((await this.#store.nextDue(relay)) !== null) return true;
    // The only one that waits may be the one with which the relay is being tried.
    const sending = { relay, states: ['sending'] } as const;
    return states.sending > 0 && (await this.#store.find(sending, { limit: 1 })).rows.length > 0;
  }

  async #vain({ deferred }: Counts, relays: readonly RelayState[]): Promise<readonly Vain[]> {
    if (deferred === 0) return [];
    const found = await Promise.all(
      relays.map(async (state) => vainOf(await this.#store.deferredOf(state.relay, SIGN.attempts, SIGNS), state)),
    );
    return found.filter((vain) => vain !== null);
  }

  relays(): Promise<readonly RelayState[]> {
    return this.#store.relays();
  }

  /** Also those that were not seen lately, or are gone. */
  nodes(): Promise<readonly Node[]> {
    return knownNodes(this.#store);
  }

  /** What each process holds now. */
  holdings(): Promise<readonly Held[]> {
    return this.#store.holdings(this.#clock.now());
  }

  /**
   * A page of deliveries, found by looking through no more than SEARCHED of them where no index leads to those that fit: then it may have
   * few rows, or none, and a cursor all the same. So no question keeps others waiting, and whoever asks sees how far it is.
   */
  async search(filter: Filter, page: PageRequest): Promise<Page> {
    const begun = beginning(filter, page);
    if (!isSearch(filter)) return this.#store.find(filter, begun);
    const edge = await this.#store.edge({ ...begun, limit: SEARCHED });
    if (edge === null) return this.#store.find(filter, begun);
    const isOldest = page.order === 'oldest';
    const found = await this.#store.find({ ...filter, ...(isOldest ? { idTo: edge } : { idFrom: edge }) }, begun);
    if (found.cursor !== null || isBeyond(edge, filter, isOldest)) return found;
    return { rows: found.rows, cursor: behind(edge, isOldest) };
  }

  count(filter: Filter): Promise<number> {
    return this.#store.count(filter);
  }

  /** The last `spans` spans of `width` ms, oldest first; each begins at a multiple of its width, and the last one is not over yet. */
  async flow(width: number, spans: number): Promise<readonly Flow[]> {
    const now = this.#clock.now();
    const last = Math.floor(now / width) * width;
    const flow = await this.#store.flow(last - (spans - 1) * width, width, spans);
    // What waits now has not yet waited until the end of a span that is to last hours.
    return flow.map((span) =>
      span.at === last ? { ...span, oldest: Math.max(0, span.oldest - (last + width - now)) } : span,
    );
  }

  /** `search`: a part of the targets, in any case. */
  suppressions({
    search,
    ...page
  }: {
    readonly limit: number;
    readonly cursor?: string;
    readonly search?: string;
  }): Promise<{ readonly rows: readonly Suppression[]; readonly cursor: string | null }> {
    return this.#store.suppressions({ ...page, ...(search !== undefined && { contains: partKey(search) }) });
  }

  /** When the relay last took a delivery, as far as retention lets it be known; null: it is not known. */
  lastSent(): Promise<Instant | null> {
    return this.#store.lastSent();
  }
}
