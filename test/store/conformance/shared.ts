/** Facts about several processes on one database, and about any order of moves. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Claim, Store } from '../../../src/queue/store.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, LEASE, namesOf, put, sample, settlement, T } from './samples.ts';

export function sharedFacts(bench: Bench): void {
  describe('two stores on one database', () => {
    test('claim disjoint sets under load, and all of it', async () => {
      const stores = [bench.store, await bench.another()];
      const total = 1000;
      const insert = async (store: Store): Promise<void> => {
        for (let n = 0; n < total / 2; n += 50)
          await store.insert(
            Array.from({ length: 50 }, () => sample()),
            T,
          );
      };
      const names: string[] = [];
      const drain = async (store: Store): Promise<void> => {
        while (names.length < total) {
          const claims = await claimAll(store, { limit: 17 });
          names.push(...namesOf(claims));
          await store.settle(
            claims.map((claim) => ({ settlements: [settlement(claim)], reports: [] })),
            T,
          );
        }
      };
      await Promise.all([...stores.map(insert), ...stores.map(drain), ...stores.map(drain)]);
      expect(names).toHaveLength(total);
      expect(new Set(names).size).toBe(total);
      expect(await bench.store.count({ states: ['sent'] })).toBe(total);
    });

    test('see by the change mark that another wrote', async () => {
      const other = await bench.another();
      const before = await bench.store.changeMark();
      expect(await bench.store.changeMark()).toBe(before);
      await put(other);
      const after = await bench.store.changeMark();
      expect(after).not.toBe(before);
      expect(await bench.store.changeMark()).toBe(after);
    });

    test('settle only what they hold themselves', async () => {
      const other = await bench.another();
      await put(bench.store);
      const [claim] = (await claimAll(bench.store)) as [Claim];
      await other.reclaim(T + LEASE, [], [0]);
      const [theirs] = (await claimAll(other, { now: T + LEASE })) as [Claim];
      const group = (mine: Claim) => [{ settlements: [settlement(mine)], reports: [] }];
      const took = await Promise.all([bench.store.settle(group(claim), T), other.settle(group(theirs), T)]);
      expect(took).toEqual([[[false]], [[true]]]);
    });
  });

  describe('two stores at the same time', () => {
    test('suppress the same targets, and one of the entries is kept', async () => {
      const stores = [bench.store, await bench.another()];
      for (let round = 0; round < 20; round++) {
        const target = (n: number): string => `user${n}@round${round}.example`;
        const entry = (n: number) => ({ target: target(n), reason: 'asked', since: T, until: null, note: null });
        await Promise.all(
          stores.flatMap((store) => [store.suppress([entry(1), entry(2)]), store.suppress([entry(2), entry(1)])]),
        );
        expect(await bench.store.suppressing([target(1), target(2)], T)).toEqual([entry(1), entry(2)]);
      }
    });

    test('purge and retry a message, and what was retried is not purged', async () => {
      const other = await bench.another();
      for (let round = 0; round < 5; round++) {
        const ids = await Promise.all(
          Array.from({ length: 60 }, () => put(bench.store, { to: ['a@example.com', 'b@example.com'] })),
        );
        const claims = await claimAll(bench.store, { limit: 200 });
        const endings = claims.map((claim) =>
          claim.deliveries.map((_, i) => settlement(claim, { ordinal: i + 1, state: i === 0 ? 'sent' : 'bounced' })),
        );
        await bench.store.settle(
          endings.map((settlements) => ({ settlements, reports: [] })),
          T,
        );
        const retry = (id: string): Promise<number> =>
          other.move({ ids: [id], states: ['bounced'] }, 'queued', { now: T, expiresAt: T + LEASE });
        const [, ...retried] = await Promise.all([
          bench.store.purge({ changedBefore: T + 1 }, 1_000),
          ...ids.map(retry),
        ]);
        expect(await bench.store.count({ states: ['queued'] })).toBe(retried.reduce((sum, count) => sum + count, 0));
        await clear(bench.store);
      }
    });
  });

  describe('any order of moves', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('insert' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({
        kind: fc.constant('claim' as const),
        limit: fc.integer({ min: 1, max: 6 }),
        lease: fc.integer({ min: 1, max: 5 }),
      }),
      fc.record({
        kind: fc.constant('settle' as const),
        pick: fc.nat(),
        state: fc.constantFrom('sent' as const, 'queued' as const, 'bounced' as const, 'held' as const),
      }),
      fc.record({ kind: fc.constantFrom('release' as const, 'renew' as const), pick: fc.nat() }),
      fc.record({ kind: fc.constantFrom('reclaim' as const, 'hold' as const, 'retry' as const, 'cancel' as const) }),
    );

    test('loses no delivery and gives none to two holders', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          await clear(bench.store);
          await new Model(bench.store).run(steps);
        }),
        { numRuns: 15 },
      );
    });
  });
}

type Step =
  | { readonly kind: 'insert'; readonly count: number }
  | { readonly kind: 'claim'; readonly limit: number; readonly lease: number }
  | { readonly kind: 'settle'; readonly pick: number; readonly state: 'sent' | 'queued' | 'bounced' | 'held' }
  | { readonly kind: 'release' | 'renew'; readonly pick: number }
  | { readonly kind: 'reclaim' | 'hold' | 'retry' | 'cancel' };

async function clear(store: Store): Promise<void> {
  await store.reclaim(T + 1e9, [], [0]);
  await store.move({}, 'cancelled', { now: T, expiresAt: T });
  await store.purge({ changedBefore: T + 2e9 }, 10_000);
}

/** What should be true of the store after each step, told by a map of who holds what until when. */
class Model {
  readonly #store: Store;
  readonly #claims: Claim[] = [];
  readonly #leases = new Map<string, { readonly token: string; readonly until: number }>();
  #now = T;
  #inserted = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      this.#now++;
      await this.#step(step);
      const { states } = await this.#store.counts(this.#now);
      expect(Object.values(states).reduce((a, b) => a + b)).toBe(this.#inserted);
      expect(states.sending).toBe(this.#leases.size);
    }
  }

  async #step(step: Step): Promise<void> {
    if (step.kind === 'insert') {
      await this.#store.insert(
        Array.from({ length: step.count }, () => sample({ to: ['a@x.org', 'b@x.org'] })),
        this.#now,
      );
      this.#inserted += 2 * step.count;
    } else if (step.kind === 'claim') await this.#claim(step.limit, this.#now + step.lease);
    else if (step.kind === 'settle') await this.#settle(step.pick, step.state);
    else if (step.kind === 'release' || step.kind === 'renew') await this.#lease(step.kind, step.pick);
    else if (step.kind === 'reclaim') await this.#reclaim();
    else {
      const to = ({ hold: 'held', retry: 'queued', cancel: 'cancelled' } as const)[step.kind];
      await this.#store.move({}, to, { now: this.#now, expiresAt: this.#now });
    }
  }

  async #claim(limit: number, until: number): Promise<void> {
    for (const claim of await claimAll(this.#store, { now: this.#now, limit, until })) {
      this.#claims.push(claim);
      for (const name of namesOf([claim])) {
        expect(this.#leases.has(name)).toBe(false);
        this.#leases.set(name, { token: claim.token, until });
      }
    }
  }

  async #settle(pick: number, state: 'sent' | 'queued' | 'bounced' | 'held'): Promise<void> {
    const claim = this.#claims[pick % Math.max(1, this.#claims.length)];
    if (claim === undefined) return;
    const reason = state === 'bounced' ? 'refused' : state === 'held' ? 'doubt' : null;
    const took = await this.#store.settle(
      [{ settlements: [settlement(claim, { state, reason })], reports: [] }],
      this.#now,
    );
    const name = namesOf([claim])[0] as string;
    const holds = this.#leases.get(name)?.token === claim.token;
    expect(took).toEqual([[holds]]);
    if (holds) this.#leases.delete(name);
  }

  async #lease(kind: 'release' | 'renew', pick: number): Promise<void> {
    const claim = this.#claims[pick % Math.max(1, this.#claims.length)];
    if (claim === undefined) return;
    const held = namesOf([claim]).filter((name) => this.#leases.get(name)?.token === claim.token);
    if (kind === 'release') {
      expect(await this.#store.release([claim.token], this.#now)).toBe(held.length);
      for (const name of held) this.#leases.delete(name);
    } else {
      const until = this.#now + 3;
      expect(await this.#store.renew([claim.token], until)).toEqual(held.length > 0 ? [claim.token] : []);
      for (const name of held) this.#leases.set(name, { token: claim.token, until });
    }
  }

  async #reclaim(): Promise<void> {
    const lost = [...this.#leases].filter(([, { until }]) => until <= this.#now);
    expect(await this.#store.reclaim(this.#now, [], [0])).toBe(lost.length);
    for (const [name] of lost) this.#leases.delete(name);
  }
}
