/** What somebody does to the queue: the moves of the queue, each in the audit trail. */
import type { Actor, Audit, Deed, DeedKind } from './audit.ts';
import type { Queue } from './queue.ts';
import type { Filter } from './store.ts';
import type { SuppressionEntry } from './suppression.ts';
import { type ImportOptions, type ImportReport, importSuppressions } from './suppression-csv.ts';

/** How it is done. */
export interface Manner {
  /** Changes nothing, only counts, and is not written down. */
  readonly dryRun?: boolean | undefined;
  /** Why, for the audit trail. */
  readonly reason?: string | undefined;
}

export class Operator {
  readonly #queue: Queue;
  readonly #audit: Audit;
  readonly #actor: Actor;

  constructor(queue: Queue, audit: Audit, actor: Actor) {
    this.#queue = queue;
    this.#audit = audit;
    this.#actor = actor;
  }

  hold(filter: Filter, manner: Manner = {}): Promise<number> {
    return this.#move('hold', { ...filter }, manner, (dryRun) => this.#queue.hold(filter, dryRun));
  }

  release(filter: Filter, manner: Manner = {}): Promise<number> {
    return this.#move('release', { ...filter }, manner, (dryRun) => this.#queue.release(filter, dryRun));
  }

  retry(filter: Filter, manner: Manner = {}): Promise<number> {
    return this.#move('retry', { ...filter }, manner, (dryRun) => this.#queue.retry(filter, dryRun));
  }

  cancel(filter: Filter, manner: Manner = {}): Promise<number> {
    return this.#move('cancel', { ...filter }, manner, (dryRun) => this.#queue.cancel(filter, dryRun));
  }

  reroute(filter: Filter, to: string, manner: Manner = {}): Promise<number> {
    return this.#move('reroute', { ...filter, to }, manner, (dryRun) => this.#queue.reroute(filter, to, dryRun));
  }

  async pauseRelay(relay: string, { reason }: Manner = {}): Promise<void> {
    const pause = (): Promise<void> => this.#queue.pauseRelay(relay, this.#actor.name);
    await this.act({ action: 'pause', what: { relay }, reason }, pause, one);
  }

  async resumeRelay(relay: string, { reason }: Manner = {}): Promise<void> {
    await this.act({ action: 'resume', what: { relay }, reason }, () => this.#queue.resumeRelay(relay), one);
  }

  async suppress(entries: readonly SuppressionEntry[]): Promise<void> {
    const what = { targets: entries.map(({ target }) => target) };
    const reason = entries.find((entry) => typeof entry.reason === 'string')?.reason;
    const suppress = (): Promise<void> => this.#queue.suppress(entries);
    await this.act({ action: 'suppress', what, reason }, suppress, () => entries.length);
  }

  unsuppress(targets: readonly string[]): Promise<number> {
    const unsuppress = (): Promise<number> => this.#queue.unsuppress(targets);
    return this.act({ action: 'unsuppress', what: { targets } }, unsuppress, asIs);
  }

  /** Entries from CSV. Throws as `importSuppressions` does. */
  importSuppressions(
    chunks: AsyncIterable<Uint8Array>,
    { dryRun = false, ...options }: Omit<ImportOptions, 'keep'> & Manner,
  ): Promise<ImportReport> {
    const read = (keep: ImportOptions['keep']): Promise<ImportReport> =>
      importSuppressions(chunks, { ...options, keep });
    if (dryRun) return read(() => Promise.resolve());
    const deed: Deed = { action: 'suppress import', what: { source: options.source } };
    return this.act(
      deed,
      () => read((entries) => this.#queue.suppress(entries)),
      ({ count }) => count,
    );
  }

  /** Any other deed. `countOf`: how much it was. */
  act<T>(deed: Deed, work: () => Promise<T>, countOf: (done: T) => number): Promise<T> {
    return this.#audit.record(this.#actor, deed, work, countOf);
  }

  #move(
    action: DeedKind,
    what: Deed['what'],
    { dryRun = false, reason }: Manner,
    move: (dryRun: boolean) => Promise<number>,
  ): Promise<number> {
    return dryRun ? move(true) : this.act({ action, what, reason }, () => move(false), asIs);
  }
}

const asIs = (count: number): number => count;
const one = (): number => 1;
