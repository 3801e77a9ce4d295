/** The worker of one relay: claims what is due, keeps the transport busy, and gives back what it does not finish. */
import type { Claim, ClaimRequest, Take } from '../queue/store.ts';
import type { Id } from '../runtime/id.ts';
import type { Service } from '../runtime/service.ts';
import { Signal } from '../runtime/signal.ts';
import { attempt, type DeliveryParts } from './attempt.ts';
import type { Relay } from './relay.ts';
import { RelayHealth } from './relay-health.ts';
import type { RelayShare } from './relay-share.ts';
import { placesToTake } from './stand-in.ts';

export interface WorkerOptions {
  /** Node id of this process. */
  readonly holder: Id;
  /** Length of a lease, ms; it is renewed three times in this span. */
  readonly lease: number;
  /** How long `stop` lets attempts go on before it asks them to give up, and then again before it leaves them, ms. */
  readonly grace: number;
  /** How often to look for what other processes queued, ms. */
  readonly poll: number;
  /** Claims that wait for new work come no closer together than this, ms: under load each brings more and costs less. 0: at once. */
  readonly gather: number;
}

/** Deliveries in one claim: wide enough to share a transaction, small enough to leave work for other processes. */
const MAX_CLAIM = 200;
/** Octets of content that one claim should bring into memory. */
const CLAIM_OCTETS = 16 * 1024 * 1024;
/** How often a relay that stands in for others looks whether it is needed, ms. */
const STAND_IN_POLL = 2_000;
/** After the store failed: the wait before it is asked again, ms. */
const STORE_RETRY = 1_000;

export class Worker implements Service {
  readonly #parts: DeliveryParts;
  readonly #relay: Relay;
  readonly #options: WorkerOptions;
  readonly #health: RelayHealth;
  readonly #share: RelayShare;
  /** Claimed, and waiting for the transport. */
  #ready: Claim[] = [];
  readonly #active = new Map<Id, Promise<void>>();
  readonly #work = new Signal();
  readonly #room = new Signal();
  readonly #abort = new AbortController();
  #meanSize = 0;
  #claimedAt = 0;
  #stopping = false;
  #loop: Promise<void> | undefined;
  #endings: (() => void)[] = [];

  constructor(parts: DeliveryParts, relay: Relay, options: WorkerOptions, share: RelayShare) {
    this.#parts = parts;
    this.#relay = relay;
    this.#options = options;
    this.#health = new RelayHealth(relay.name, parts);
    this.#share = share;
  }

  async start(): Promise<void> {
    this.#begin();
    const { queue } = this.#parts;
    this.#endings.push(
      queue.onWork(() => this.#work.notify()),
      queue.onTake({ offer: () => this.#offer(), take: (claims) => this.#take(claims) }),
    );
    this.#loop = this.#forever();
  }

  /** One pass: everything that is due now, then no more. Returns when all of it has been tried. */
  async once(): Promise<void> {
    this.#begin();
    while (!this.#stopping) {
      const claims = await this.#claim();
      if (claims.length === 0 && this.#active.size === 0 && !this.#share.isComing) return;
      if (claims.length === 0 && this.#active.size === 0) await this.#work.wait(this.#parts.clock, this.#options.poll);
      else if (claims.length === 0) await Promise.race(this.#active.values());
      else await this.#hand(claims);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#work.notify();
    this.#room.notify();
    await this.#loop;
    await this.#giveBack();
    await this.#settleDown();
    this.#abort.abort();
    await this.#settleDown();
    for (const end of this.#endings.splice(0)) end();
    await this.#relay.transport.close();
  }

  #begin(): void {
    const renewing = (): void => {
      void this.#renew();
      this.#endings[0] = this.#parts.clock.after(this.#options.lease / 3, renewing);
    };
    this.#endings = [this.#parts.clock.after(this.#options.lease / 3, renewing)];
    this.#share.onChange(() => this.#shareChanged());
  }

  /** With no connection left, what is not handed over is for other processes. */
  #shareChanged(): void {
    if (this.#share.places === 0) void this.#refuse(this.#ready.splice(0));
    this.#fill();
    this.#work.notify();
  }

  async #forever(): Promise<void> {
    while (!this.#stopping) {
      try {
        const claims = await this.#claim();
        if (claims.length === 0) await this.#rest();
        else await this.#hand(claims);
        await this.#gather();
      } catch (error) {
        this.#parts.log.error(
          { relay: this.#relay.name, err: error },
          'the worker lost the store, it asks again in a second',
        );
        await this.#work.wait(this.#parts.clock, STORE_RETRY);
      }
    }
  }

  /** Its own mail first; with none due, that of relays which are down and have this one to stand in. */
  async #claim(): Promise<readonly Claim[]> {
    const { name, standIns } = this.#relay;
    if (this.#share.places === 0) return [];
    const own = await this.#claimOf({ relay: name });
    if (own.length > 0 || standIns.length === 0) return own;
    const states = await this.#parts.store.relays();
    for (const relay of placesToTake(name, standIns, states, this.#parts.clock.now())) {
      const claims = await this.#claimOf({ relay, ratesOf: name, standIn: true });
      if (claims.length > 0) return claims;
    }
    return [];
  }

  async #claimOf(which: Pick<ClaimRequest, 'relay' | 'ratesOf' | 'standIn'>): Promise<readonly Claim[]> {
    const now = this.#parts.clock.now();
    this.#claimedAt = now;
    const limit = Math.max(1, Math.min(MAX_CLAIM, Math.floor(CLAIM_OCTETS / Math.max(1, this.#meanSize))));
    const { rates } = this.#relay;
    const lease = { now, until: now + this.#options.lease, holder: this.#options.holder };
    const claims = await this.#parts.store.claim({ ...which, limit, ...lease, ...(rates.length > 0 && { rates }) });
    const octets = claims.reduce((sum, claim) => sum + (claim.content?.length ?? 0), 0);
    if (claims.length > 0) this.#meanSize = octets / claims.length;
    return claims;
  }

  /** Puts the claims into hand and waits until the transport has room for more. */
  async #hand(claims: readonly Claim[]): Promise<void> {
    this.#ready.push(...claims);
    this.#fill();
    while (this.#ready.length > 0 && !this.#stopping) await this.#room.wait(this.#parts.clock, this.#options.lease);
  }

  /** Only what would go out at once, to a relay that has just taken something. Rates are counted by claims alone. */
  #offer(): Take | null {
    const limit = this.#share.places - this.#active.size - this.#ready.length;
    if (this.#stopping || !this.#health.well || this.#relay.rates.length > 0 || limit <= 0) return null;
    const until = this.#parts.clock.now() + this.#options.lease;
    return { relay: this.#relay.name, limit, until, holder: this.#options.holder };
  }

  /** What was offered while the relay was well may come when it is not. */
  #take(claims: readonly Claim[]): void {
    if (claims.length === 0) return;
    if (this.#stopping || !this.#health.well) {
      void this.#refuse(claims);
      return;
    }
    this.#ready.push(...claims);
    this.#fill();
  }

  async #refuse(claims: readonly Claim[]): Promise<void> {
    try {
      await this.#release(claims);
      this.#work.notify();
    } catch (error) {
      const fields = { relay: this.#relay.name, err: error };
      this.#parts.log.warn(fields, 'claims could not be given back, their leases will run out');
    }
  }

  #fill(): void {
    while (this.#ready.length > 0 && this.#active.size < this.#share.places && !this.#stopping) {
      const claim = this.#ready.shift() as Claim;
      this.#active.set(claim.token, this.#attempt(claim));
    }
    if (this.#ready.length === 0) this.#room.notify();
  }

  /** Never rejects: a claim whose end could not be written is left to its lease, and to the log. */
  async #attempt(claim: Claim): Promise<void> {
    this.#share.begin();
    try {
      const view = { health: this.#health, share: this.#share };
      const halt = await attempt(this.#parts, this.#relay, view, claim, this.#abort.signal);
      // While the relay is paused or rests nothing of what was claimed for it may go out.
      if (halt) await this.#giveBack();
    } catch (error) {
      this.#parts.log.error(
        { id: claim.message.id, err: error },
        'the end of an attempt could not be written, its lease will run out',
      );
    } finally {
      this.#share.end();
      this.#active.delete(claim.token);
      this.#fill();
    }
  }

  async #giveBack(): Promise<void> {
    await this.#release(this.#ready.splice(0));
  }

  async #release(claims: readonly Claim[]): Promise<void> {
    const tokens = claims.map((claim) => claim.token);
    if (tokens.length > 0) await this.#parts.store.release(tokens, this.#parts.clock.now());
  }

  async #settleDown(): Promise<void> {
    if (this.#active.size === 0) return;
    const late = new Signal();
    void Promise.all(this.#active.values()).then(() => late.notify());
    await late.wait(this.#parts.clock, this.#options.grace);
  }

  async #renew(): Promise<void> {
    const tokens = [...this.#active.keys(), ...this.#ready.map((claim) => claim.token)];
    if (tokens.length === 0) return;
    try {
      const held = new Set(await this.#parts.store.renew(tokens, this.#parts.clock.now() + this.#options.lease));
      this.#ready = this.#ready.filter((claim) => held.has(claim.token));
    } catch (error) {
      this.#parts.log.warn({ relay: this.#relay.name, err: error }, 'leases could not be renewed');
    }
  }

  /** Sleeps until something is due, this process made work, or another process may have. */
  async #rest(): Promise<void> {
    const { clock, store } = this.#parts;
    const { gather } = this.#options;
    // In a stream of submissions this is all it takes; the questions below are for silence.
    if (gather > 0 && (await this.#work.wait(clock, 2 * gather))) return;
    const mark = await store.changeMark();
    const wakeAt = await this.#wakeAt();
    while (!this.#stopping) {
      const wait = Math.min(wakeAt - clock.now(), this.#options.poll);
      if (wait <= 0) return;
      if (await this.#work.wait(clock, wait)) return;
      if ((await store.changeMark()) !== mark) return;
    }
  }

  /** New work after a silence is claimed at once; in a stream of it, the claim waits for some more. */
  async #gather(): Promise<void> {
    const { clock } = this.#parts;
    const wait = this.#claimedAt + this.#options.gather - clock.now();
    if (wait > 0 && !this.#stopping) await new Promise<void>((resolve) => clock.after(wait, resolve));
  }

  async #wakeAt(): Promise<number> {
    const now = this.#parts.clock.now();
    const soon = now + this.#options.poll;
    const state = (await this.#parts.store.relays()).find((each) => each.relay === this.#relay.name);
    const latest = this.#relay.standIns.length > 0 ? now + STAND_IN_POLL : Number.POSITIVE_INFINITY;
    if (state?.pausedAt != null) return latest;
    const due = await this.#parts.store.nextDue(this.#relay.name);
    const allowed = Math.max(state?.probeAt ?? 0, state?.limitedUntil ?? 0, state?.pace?.restUntil ?? 0);
    // What is due and yet was not claimed belongs to a pause, to a rate, to other connections, or to another process's probe.
    const next = due !== null && due <= now ? soonest(allowed, now, soon) : Math.max(due ?? latest, allowed);
    return Math.min(next, latest);
  }
}

/** At the known time where it lies ahead, else a poll away. */
function soonest(allowed: number, now: number, soon: number): number {
  return allowed > now ? allowed : soon;
}
