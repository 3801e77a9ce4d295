/** What this process may have of a relay's connections, and how it hears and tells of the pace that the relay bears. */
import { showReply } from '../mail/reply.ts';
import type { Pace, Strain } from '../queue/pace.ts';
import type { Share, ShareRequest } from '../queue/relay-store.ts';
import type { Store } from '../queue/store.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import { type Connected, isConnected, type Transport } from '../transport/transport.ts';
import type { Relay } from './relay.ts';

export interface ShareParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export class RelayShare {
  readonly #parts: ShareParts;
  readonly #relay: string;
  readonly #transport: Transport;
  /** Present where the transport itself keeps connections; else each attempt counts as one. */
  readonly #connected: Connected | undefined;
  readonly #node: Id;
  /** Connections of all processes together. */
  readonly #limit: number;
  #allowed: number;
  #until: Instant = Number.POSITIVE_INFINITY;
  #settled = true;
  #active = 0;
  #peak = 0;
  #succeeded = false;
  #pace: Pace | null = null;
  #slowing: Promise<boolean> | undefined;
  #listener: () => void = () => undefined;
  /** As the last heartbeat found it. */
  #changes: number | undefined;
  /** Asks for the share anew, at once. */
  refresh: () => Promise<void> = () => Promise.resolve();
  /** The same for those who cannot wait for it. Never throws. */
  refreshSoon: () => void = () => undefined;

  /** Until it is given a share, all of the relay's connections are its own. */
  constructor(relay: Relay, node: Id, parts: ShareParts) {
    this.#parts = parts;
    this.#relay = relay.name;
    this.#transport = relay.transport;
    this.#connected = isConnected(relay.transport) ? relay.transport : undefined;
    this.#node = node;
    this.#limit = relay.connections ?? Number.POSITIVE_INFINITY;
    this.#allowed = this.#limit;
  }

  /** There is something to share. */
  get isLimited(): boolean {
    return this.#limit !== Number.POSITIVE_INFINITY;
  }

  /** Attempts that may be under way at once. */
  get places(): number {
    if (this.#allowed === 0 || this.#parts.clock.now() >= this.#until) return 0;
    return this.#connected === undefined
      ? Math.min(this.#transport.concurrency, this.#allowed)
      : this.#transport.concurrency;
  }

  /** Has nothing, and will get something as soon as other processes have made room. */
  get isComing(): boolean {
    return this.#allowed === 0 && !this.#settled;
  }

  /** More is to be given up or to be had. */
  get isSettled(): boolean {
    return this.#settled;
  }

  /** Calls back when `places` may have changed. */
  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  begin(): void {
    this.#active++;
    this.#peak = Math.max(this.#peak, this.#active);
  }

  end(): void {
    this.#active--;
  }

  /** What goes into the heartbeat. */
  request(until: Instant): ShareRequest {
    const request = {
      relay: this.#relay,
      limit: this.#limit,
      held: this.#held,
      used: this.#used,
      succeeded: this.#succeeded,
      until,
    };
    this.#succeeded = false;
    this.#peak = this.#active;
    this.#connected?.restartPeak();
    return request;
  }

  get #held(): number {
    if (this.#connected === undefined) return Math.max(this.#allowed, this.#active);
    return Math.max(this.#connected.limit, this.#connected.connections);
  }

  get #used(): number {
    return this.#connected?.peak ?? this.#peak;
  }

  /** Begins with nothing: what it may have is told by the first heartbeat. */
  withhold(): void {
    this.#allow(0);
    this.#settled = false;
  }

  /** What the heartbeat brought. */
  give(share: Share, until: Instant): void {
    const before = this.places;
    this.#until = until;
    this.#settled = share.settled;
    this.#changes = share.changes;
    this.#hear(share.pace);
    this.#allow(share.connections);
    if (this.places !== before) this.#listener();
  }

  /** What a look at the relay found: another number than at the last heartbeat says that its part is another one now. */
  changed(changes: number): void {
    if (this.#changes === undefined || this.#changes === changes) return;
    this.#changes = changes;
    this.refreshSoon();
  }

  /** Its lease ran out: others may have what it had. */
  expire(now: Instant): void {
    if (now < this.#until || this.#allowed === 0) return;
    this.withhold();
    this.#listener();
    const fields = { relay: this.#relay };
    this.#parts.log.warn(fields, 'the heartbeat failed for too long: no connections before others are asked again');
  }

  #allow(connections: number): void {
    this.#allowed = connections;
    // What was handed over to the transport goes out over one last connection, which counts until it has ended.
    this.#connected?.setLimit(connections === 0 && this.#active > 0 ? 1 : connections);
  }

  /** An attempt that began at `startedAt` was a success. */
  succeeded(startedAt: Instant): void {
    if (this.#pace !== null && startedAt > this.#pace.changedAt) this.#succeeded = true;
  }

  /**
   * An attempt that began at `startedAt` was too much. Never rejects: true where that made the relay slower, for all processes. What falls
   * together is told once, and what began before the relay was slowed down says nothing about its new pace.
   */
  strained(strain: Strain, startedAt: Instant): Promise<boolean> {
    if (!this.isLimited || startedAt <= (this.#pace?.slowedAt ?? Number.NEGATIVE_INFINITY))
      return Promise.resolve(false);
    this.#slowing ??= this.#slow(strain).finally(() => {
      this.#slowing = undefined;
    });
    return this.#slowing;
  }

  async #slow({ reply, rest }: Strain): Promise<boolean> {
    const { store, clock, log } = this.#parts;
    const before = this.#pace?.slowedAt;
    try {
      const report = { reply, rest, node: this.#node, limit: this.#limit, used: this.#used, now: clock.now() };
      this.#hear(await store.slowRelay(this.#relay, report));
      if (this.#pace === null || this.#pace.slowedAt === before) return false;
      await this.refresh();
      return true;
    } catch (error) {
      log.warn({ relay: this.#relay, err: error }, 'a relay could not be slowed down');
      return false;
    }
  }

  /** One line for each change, whoever made it. */
  #hear(pace: Pace | null): void {
    const before = this.#pace;
    this.#pace = pace;
    if (pace?.changedAt === before?.changedAt) return;
    const { log } = this.#parts;
    if (pace === null) {
      log.info({ relay: this.#relay, connections: this.#limit }, 'relay is at its full pace again');
      return;
    }
    const { connections, restUntil, reply } = pace;
    const fields = { relay: this.#relay, connections, of: this.#limit };
    if (pace.slowedAt === before?.slowedAt) {
      log.info(fields, 'relay is sped up');
      return;
    }
    const rest = restUntil === null ? {} : { restsUntil: new Date(restUntil).toISOString() };
    log.warn({ ...fields, ...rest, reply: showReply(reply) }, 'relay is slowed down: it said that it was too much');
  }
}
