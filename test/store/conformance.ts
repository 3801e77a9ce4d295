/** What every store must do, whatever engine it stands on: one suite, run for each. */
import { afterEach, beforeEach, describe } from 'vitest';
import type { Store } from '../../src/queue/store.ts';
import { auditFacts } from './conformance/audit.ts';
import { claimFacts } from './conformance/claim.ts';
import { delayFacts } from './conformance/delay.ts';
import { findFacts } from './conformance/find.ts';
import { flowFacts } from './conformance/flow.ts';
import { hostileFacts } from './conformance/hostile.ts';
import { insertFacts } from './conformance/insert.ts';
import { moveFacts } from './conformance/move.ts';
import { purgeFacts } from './conformance/purge.ts';
import { rateFacts } from './conformance/rate.ts';
import { relayFacts } from './conformance/relay.ts';
import { settleFacts } from './conformance/settle.ts';
import { shareFacts } from './conformance/share.ts';
import { sharedFacts } from './conformance/shared.ts';
import { standInFacts } from './conformance/stand-in.ts';
import { takeFacts } from './conformance/take.ts';
import { webhookFacts } from './conformance/webhook.ts';

/** One empty database: opened as often as wanted, each time as another process would; then removed. */
export interface Place {
  open(): Promise<Store>;
  remove(): Promise<void>;
}

/** What the facts work with. */
export interface Bench {
  /** The store of this test. */
  readonly store: Store;
  /** Another one on the same database. */
  another(): Promise<Store>;
}

type Facts = (bench: Bench) => void;

const ALL: readonly Facts[] = [
  insertFacts,
  takeFacts,
  claimFacts,
  settleFacts,
  delayFacts,
  relayFacts,
  rateFacts,
  shareFacts,
  standInFacts,
  moveFacts,
  findFacts,
  flowFacts,
  purgeFacts,
  auditFacts,
  webhookFacts,
  hostileFacts,
  sharedFacts,
];

/** Those in which contents go in and come out again. */
export const FACTS_OF_CONTENTS: readonly Facts[] = [insertFacts, settleFacts, findFacts, hostileFacts];

export function storeConformance(name: string, newPlace: () => Promise<Place>, facts = ALL): void {
  describe(name, () => {
    let place: Place;
    let opened: Store[] = [];
    const bench = {
      store: undefined as unknown as Store,
      async another(): Promise<Store> {
        const store = await place.open();
        opened.push(store);
        return store;
      },
    };
    beforeEach(async () => {
      place = await newPlace();
      bench.store = await bench.another();
    });
    afterEach(async () => {
      await Promise.all(opened.map((store) => store.close()));
      opened = [];
      await place.remove();
    });
    for (const suite of facts) suite(bench);
  });
}
