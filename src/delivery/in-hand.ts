/** What a worker has claimed and not begun: in order, each only while its lease certainly holds, and given back when it cannot go out. */
import type { Claim, Token } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import type { DeliveryParts } from './conclude.ts';
import type { RelayHealth } from './relay-health.ts';

/** A claim, and until when it is certainly ours. */
export interface Ready {
  readonly claim: Claim;
  readonly until: Instant;
  /** Of the store, when it was known to be. */
  readonly losses: number;
}

export class InHand {
  readonly #parts: Pick<DeliveryParts, 'store' | 'clock' | 'log'>;
  readonly #relay: string;
  readonly #lease: number;
  readonly #health: RelayHealth;
  #ready: readonly Ready[] = [];
  /** Could not be given back yet. */
  #owed: readonly Claim[] = [];
  /** Something was given back: it may be claimed again. */
  onBack: () => void = () => undefined;

  /** `lease`: of each claim from its time on, ms. */
  constructor(
    parts: Pick<DeliveryParts, 'store' | 'clock' | 'log'>,
    relay: string,
    lease: number,
    health: RelayHealth,
  ) {
    this.#parts = parts;
    this.#relay = relay;
    this.#lease = lease;
    this.#health = health;
  }

  /** How often the store was gone by now. */
  get losses(): number {
    return this.#parts.store.losses?.() ?? 0;
  }

  get size(): number {
    return this.#ready.length;
  }

  get next(): Ready | undefined {
    return this.#ready[0];
  }

  get tokens(): readonly Token[] {
    return this.#ready.map(({ claim }) => claim.token);
  }

  add(claims: readonly Claim[]): void {
    const losses = this.losses;
    const added = claims.map((claim) => ({
      claim,
      until: (claim.deliveries[0]?.changedAt ?? 0) + this.#lease,
      losses,
    }));
    this.#ready = [...this.#ready, ...added];
  }

  /** The next one is begun. */
  begin(): Claim {
    const [next, ...rest] = this.#ready;
    this.#ready = rest;
    return (next as Ready).claim;
  }

  /** Those of `held` are ours until then, those of `lost` no more; what was claimed meanwhile was not asked about. `losses`: when they were asked about. */
  renewed(held: ReadonlySet<Token>, lost: ReadonlySet<Token>, until: Instant, losses: number): void {
    this.#ready = this.#ready
      .filter(({ claim }) => !lost.has(claim.token))
      .map((each) => (held.has(each.claim.token) ? { ...each, until, losses } : each));
  }

  /** Who was cut off from the store for longer than a lease cannot know who has sent them meanwhile. What is still ours is given back. */
  dropExpired(): void {
    const now = this.#parts.clock.now();
    const lost = this.#ready.filter(({ until }) => until <= now);
    if (lost.length === 0) return;
    this.#ready = this.#ready.filter(({ until }) => until > now);
    this.#parts.log.warn({ relay: this.#relay, messages: lost.length }, 'leases ran out before attempts began');
    void this.giveBack(lost.map(({ claim }) => claim));
  }

  giveBackAll(): Promise<void> {
    const claims = this.#ready.map(({ claim }) => claim);
    this.#ready = [];
    return this.giveBack(claims);
  }

  /** With those that could not be given back before. Never rejects: what fails is tried again with the next of these calls. */
  async giveBack(claims: readonly Claim[]): Promise<void> {
    const all = [...this.#owed, ...claims];
    if (all.length === 0) return;
    this.#owed = [];
    const tokens = all.map((claim) => claim.token);
    try {
      await this.#parts.store.release(tokens, this.#parts.clock.now());
      await this.#health.unmet(tokens);
      this.onBack();
    } catch (error) {
      this.#owed = [...this.#owed, ...all];
      const fields = { relay: this.#relay, messages: all.length, err: error };
      this.#parts.log.warn(fields, 'claims could not be given back, it is tried again until their leases run out');
    }
  }
}
