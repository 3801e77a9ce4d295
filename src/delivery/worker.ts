/** The worker of one relay: claims what is due, keeps the transport busy, and gives back what it does not finish. */
import { printable, showReply } from '../mail/reply.ts';
import type { Claim, ClaimRequest, SuppressedDelivery, Take, Token } from '../queue/store.ts';
import { suppressionReply } from '../queue/suppression.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Service } from '../runtime/service.ts';
import { Signal } from '../runtime/signal.ts';
import { attempt } from './attempt.ts';
import type { DeliveryParts } from './conclude.ts';
import { InHand } from './in-hand.ts';
import type { Relay } from './relay.ts';
import { RelayHealth } from './relay-health.ts';
import type { RelayShare } from './relay-share.ts';
import { Rest, type RestOptions } from './rest.ts';
import type { Result, Round } from './round.ts';
import { placesToTake } from './stand-in.ts';
import { Trouble } from './trouble.ts';

export interface WorkerOptions extends RestOptions {
  /** Node id of this process. */
  readonly holder: Id;
  /** Length of a lease, ms; it is renewed three times in this span. */
  readonly lease: number;
  /** How long `stop` lets attempts go on before it asks them to give up, and then again before it breaks off what is behind its final dot, ms. */
  readonly grace: number;
}

/** Deliveries in one claim: wide enough to share a transaction, small enough to leave work for other processes. */
const MAX_CLAIM = 200;
/** Octets of content that one claim should bring into memory. */
const CLAIM_OCTETS = 16 * 1024 * 1024;
/** Where every place is taken for so long without one getting free, what is in hand is for workers who have some, ms. */
const STUCK = 5_000;
/** After the store failed: the wait before it is asked again, ms. */
const STORE_RETRY = 1_000;

const TROUBLE = {
  begun: 'the worker lost the store, it asks again every second',
  over: 'the worker has the store again',
};

/** An attempt that is under way. */
interface Active {
  readonly ended: Promise<void>;
  readonly abort: AbortController;
}

export class Worker implements Service {
  readonly #parts: DeliveryParts;
  readonly #relay: Relay;
  readonly #options: WorkerOptions;
  readonly #health: RelayHealth;
  readonly #share: RelayShare;
  readonly #round: Round;
  #throttled: (() => void) | undefined;
  readonly #inHand: InHand;
  readonly #active = new Map<Token, Active>();
  readonly #rest: Rest;
  readonly #room = new Signal();
  #renewal: Promise<void> | undefined;
  #meanSize = 0;
  /** The last time at which an attempt began or ended. */
  #movedAt: Instant = 0;
  readonly #trouble: Trouble;
  #stopping = false;
  #loop: Promise<void> | undefined;
  #endings: (() => void)[] = [];

  constructor(parts: DeliveryParts, relay: Relay, options: WorkerOptions, share: RelayShare, round: Round) {
    this.#parts = parts;
    this.#trouble = new Trouble(parts.log, TROUBLE);
    this.#relay = relay;
    this.#options = options;
    this.#health = new RelayHealth(relay.name, parts);
    this.#inHand = new InHand(parts, relay.name, options.lease, this.#health);
    this.#rest = new Rest(parts, relay, options, share);
    this.#inHand.onBack = () => this.#rest.wake();
    this.#share = share;
    this.#round = round;
  }

  async start(): Promise<void> {
    this.#begin();
    const { queue, store } = this.#parts;
    const endNews = store.onNews?.(() => this.#rest.wake());
    if (endNews !== undefined) this.#endings.push(endNews);
    this.#endings.push(
      queue.onWork(() => this.#rest.wake()),
      queue.onTake({ offer: () => this.#offer(), take: (claims) => this.#take(claims) }),
    );
    this.#loop = this.#forever();
  }

  /** One pass: everything that is due now, then no more. Returns when all of it has been tried. */
  async once(): Promise<void> {
    this.#begin();
    while (!this.#stopping) {
      const claims = await this.#claim();
      const mayCome = this.#share.isComing || this.#round.isWaiting;
      if (claims.length === 0 && this.#active.size === 0 && !mayCome) return;
      if (claims.length === 0 && this.#active.size === 0) await this.#rest.atMost(this.#options.poll);
      else if (claims.length === 0) await Promise.race(this.#attempts);
      else await this.#hand(claims);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#throttled?.();
    this.#rest.end();
    this.#room.notify();
    await this.#loop;
    await this.#inHand.giveBackAll();
    await this.#settleDown();
    for (const { abort } of this.#active.values()) abort.abort();
    await this.#settleDown();
    if (this.#active.size > 0) this.#relay.transport.breakOff?.();
    await this.#settleDown();
    await this.#inHand.giveBack([]);
    for (const end of this.#endings.splice(0)) end();
    await this.#closeTransport();
  }

  #begin(): void {
    const renewing = (): void => {
      this.#endings[0] = this.#parts.clock.after(this.#renewEvery, renewing);
      // A share may be over by the clock alone.
      void this.#giveBackUnplaced();
      this.#renewNow();
    };
    this.#endings = [this.#parts.clock.after(this.#renewEvery, renewing)];
    this.#share.onChange(() => this.#shareChanged());
    this.#round.onChange(() => this.#roundChanged());
  }

  get #renewEvery(): number {
    return this.#options.lease / 3;
  }

  get #attempts(): readonly Promise<void>[] {
    return [...this.#active.values()].map(({ ended }) => ended);
  }

  /** What was claimed for a round that is over is for the next one, and for others. */
  #roundChanged(): void {
    if (this.#round.isOver) void this.#inHand.giveBackAll();
    this.#fill();
    this.#rest.wake();
  }

  #shareChanged(): void {
    void this.#giveBackUnplaced();
    this.#fill();
    this.#rest.wake();
  }

  /** With no connection left, what is not handed over is for other processes. */
  #giveBackUnplaced(): Promise<void> {
    return this.#share.places === 0 ? this.#inHand.giveBackAll() : this.#inHand.giveBack([]);
  }

  async #forever(): Promise<void> {
    while (!this.#stopping) {
      let step = 'claim';
      try {
        const claims = await this.#claim();
        this.#trouble.went(step, { relay: this.#relay.name });
        step = 'work';
        if (claims.length === 0) await this.#rest.untilWork();
        else await this.#hand(claims);
        await this.#rest.gather();
        this.#trouble.went(step, { relay: this.#relay.name });
      } catch (error) {
        this.#trouble.failed(step, error, { relay: this.#relay.name });
        await this.#rest.atMost(STORE_RETRY);
      }
    }
  }

  /** Its own mail first; with none due, that of relays which are down and have this one to stand in. */
  async #claim(): Promise<readonly Claim[]> {
    const { name, standIns } = this.#relay;
    this.#rest.looked(this.#round.opensAt);
    if (this.#share.places === 0 || this.#round.room === 0 || this.#isStuck) return [];
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
    this.#rest.claimed(now);
    const limit = Math.max(1, Math.min(MAX_CLAIM, Math.floor(CLAIM_OCTETS / Math.max(1, this.#meanSize))));
    const { rates } = this.#relay;
    const lease = { now, until: now + this.#options.lease, holder: this.#options.holder };
    const { claims, suppressed, probe, shareChanges } = await this.#parts.store.claim({
      ...which,
      limit,
      ...lease,
      ...(rates.length > 0 && { rates }),
      ...(this.#round.isLimited && { messages: this.#round.room }),
    });
    if (which.relay === this.#relay.name) this.#share.changed(shareChanges);
    this.#tellSuppressed(suppressed);
    const [first] = claims;
    if (probe && first !== undefined) this.#health.probes({ ...lease, token: first.token });
    const octets = claims.reduce((sum, claim) => sum + (claim.content?.length ?? 0), 0);
    if (claims.length > 0) this.#meanSize = octets / claims.length;
    return claims;
  }

  #tellSuppressed(deliveries: readonly SuppressedDelivery[]): void {
    for (const { id, recipient, entry } of deliveries) {
      const reply = showReply(suppressionReply(entry));
      this.#parts.log.warn({ id, to: printable(recipient), reply, reason: 'suppressed' }, 'bounced');
    }
  }

  /** Puts the claims into hand and waits until the transport has room for more. */
  async #hand(claims: readonly Claim[]): Promise<void> {
    this.#inHand.add(claims);
    this.#fill();
    const { clock } = this.#parts;
    while (this.#inHand.size > 0 && !this.#stopping) {
      // What is in hand may last for minutes, and who pauses a relay means that too.
      if (await this.#room.wait(clock, this.#options.poll)) continue;
      const stuck = this.#isStuck;
      if (!stuck && !(await this.#isPaused())) continue;
      const fields = { relay: this.#relay.name, messages: this.#inHand.size };
      if (stuck && fields.messages > 0)
        this.#parts.log.warn(
          fields,
          'the relay leaves all that it has been given unanswered: the rest is left to other workers',
        );
      await this.#inHand.giveBackAll();
    }
  }

  get #isStuck(): boolean {
    return this.#active.size >= this.#share.places && this.#parts.clock.now() - this.#movedAt >= STUCK;
  }

  /** A store that cannot be asked says so at the next claim. */
  async #isPaused(): Promise<boolean> {
    const states = await this.#parts.store.relays().catch(() => []);
    return states.some(({ relay, pausedAt }) => relay === this.#relay.name && pausedAt !== null);
  }

  /** Only what would go out at once, to a relay that has just taken something. Rates and rounds are counted by claims alone. */
  #offer(): Take | null {
    const limit = this.#share.places - this.#active.size - this.#inHand.size;
    const counted = this.#relay.rates.length > 0 || this.#round.isLimited;
    if (this.#stopping || !this.#health.well || counted || limit <= 0) return null;
    const until = this.#parts.clock.now() + this.#options.lease;
    return { relay: this.#relay.name, limit, until, holder: this.#options.holder };
  }

  /** What was offered while the relay was well may come when it is not. */
  #take(claims: readonly Claim[]): void {
    if (claims.length === 0) return;
    if (this.#stopping || !this.#health.well) {
      void this.#inHand.giveBack(claims);
      return;
    }
    this.#inHand.add(claims);
    this.#fill();
  }

  #fill(): void {
    this.#inHand.dropExpired();
    for (let next = this.#inHand.next; next !== undefined && this.#mayBegin(); next = this.#inHand.next) {
      // Its claim took so long that the next renewal might come too late, or the store may have lost it since.
      if (next.until - this.#parts.clock.now() <= this.#renewEvery || next.losses !== this.#inHand.losses) {
        this.#renewNow();
        break;
      }
      const claim = this.#inHand.begin();
      const abort = new AbortController();
      this.#movedAt = this.#parts.clock.now();
      this.#active.set(claim.token, { ended: this.#attempt(claim, abort.signal), abort });
    }
    if (this.#inHand.size === 0) this.#room.notify();
  }

  /** With a throttle, the time of the next message comes by the clock. */
  #mayBegin(): boolean {
    if (this.#stopping || this.#active.size >= this.#share.places || this.#round.room === 0) return false;
    const { clock } = this.#parts;
    const wait = this.#round.nextAt - clock.now();
    if (wait <= 0) return true;
    this.#throttled?.();
    this.#throttled = clock.after(wait, () => this.#fill());
    return false;
  }

  /** Never rejects: a claim whose end could not be written is left to its lease, and to the log. */
  async #attempt(claim: Claim, signal: AbortSignal): Promise<void> {
    this.#share.begin();
    this.#round.begin();
    let result: Result = 'ended';
    try {
      const view = { health: this.#health, share: this.#share };
      const tried = await attempt(this.#parts, this.#relay, view, claim, signal);
      result = tried.result;
      // While the relay is paused or rests nothing of what was claimed for it may go out.
      if (tried.halt) await this.#inHand.giveBackAll();
    } catch (error) {
      this.#parts.log.error(
        { id: claim.message.id, err: error },
        'the end of an attempt could not be written, its lease will run out',
      );
    } finally {
      this.#share.end();
      this.#movedAt = this.#parts.clock.now();
      this.#active.delete(claim.token);
      this.#round.end(result);
      this.#fill();
    }
  }

  /** A relay need not answer a QUIT. */
  async #closeTransport(): Promise<void> {
    const { transport } = this.#relay;
    const cancel = this.#parts.clock.after(this.#options.grace, () => transport.breakOff?.());
    await transport.close();
    cancel();
  }

  async #settleDown(): Promise<void> {
    if (this.#active.size === 0) return;
    const late = new Signal();
    void Promise.all(this.#attempts).then(() => late.notify());
    await late.wait(this.#parts.clock, this.#options.grace);
  }

  /** One at a time: one that is held up must not be overtaken. */
  #renewNow(): void {
    this.#renewal ??= this.#renew().then((renewed) => {
      this.#renewal = undefined;
      if (renewed) this.#fill();
      else if (!this.#stopping) this.#parts.clock.after(STORE_RETRY, () => this.#fill());
    });
  }

  /** Never rejects: false where the store could not be asked. */
  async #renew(): Promise<boolean> {
    const tokens = [...this.#active.keys(), ...this.#inHand.tokens];
    if (tokens.length === 0) return true;
    const until = this.#parts.clock.now() + this.#options.lease;
    const { losses } = this.#inHand;
    try {
      const held = new Set(await this.#parts.store.renew(tokens, until));
      const lost = new Set(tokens.filter((token) => !held.has(token)));
      this.#inHand.renewed(held, lost, until, losses);
      // Somebody else may have them already. What is behind its final dot goes on to its answer.
      for (const token of lost) this.#active.get(token)?.abort.abort();
      return true;
    } catch (error) {
      this.#parts.log.warn({ relay: this.#relay.name, err: error }, 'leases could not be renewed');
      return false;
    }
  }
}
