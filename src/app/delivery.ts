/** What workers and the janitor are given, from the settings. */
import { hostname as machineName } from 'node:os';
import type { Config } from '../config/settings.ts';
import type { DeliveryParts } from '../delivery/attempt.ts';
import { Janitor, type JanitorOptions, type Retention } from '../delivery/janitor.ts';
import type { Relay } from '../delivery/relay.ts';
import { RelayShare } from '../delivery/relay-share.ts';
import { Shares } from '../delivery/shares.ts';
import { Worker, type WorkerOptions } from '../delivery/worker.ts';
import type { Node, SettleGroup } from '../queue/store.ts';
import { Batch } from '../runtime/batch.ts';
import { systemClock } from '../runtime/clock.ts';
import { newId } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import { isAlive, placeOf } from '../runtime/process.ts';
import type { Signer } from '../submission/dkim.ts';
import type { App } from './open.ts';

/** How long what is under way may go on after a stop, ms: with a second such span it stays below the 10 s that containers get. */
export const GRACE = 4_000;
/** How often to look for what other processes queued, ms. */
const POLL = 250;
/** Claims for new work come no closer together than this, ms. */
const GATHER = 10;
/** Between two rounds of the janitor, ms. */
const HOUSEKEEPING = 10_000;
/** A process that shows no life for this long has no share of connections any more, ms: three heartbeats, and much more than clocks differ. */
const SHARE_LEASE = 3 * HOUSEKEEPING;

/** `signer`: for reports. */
function deliveryParts(app: App, log: Log, signer: Signer | undefined): DeliveryParts {
  const { store, queue, config } = app;
  const settle = (groups: readonly SettleGroup[]): Promise<readonly (readonly boolean[])[]> =>
    store.settle(groups, systemClock.now());
  const settlements = new Batch(settle, { maxItems: 200, parallel: 4 });
  return {
    store,
    queue,
    clock: systemClock,
    log,
    hostname: config.hostname,
    sign: signer?.sign,
    random: Math.random,
    hooks: {
      ...(config.beforeSend !== null && { beforeSend: config.beforeSend }),
      ...(config.onDeliveryError !== null && { onDeliveryError: config.onDeliveryError }),
      ...(config.onRelayChange !== null && { onRelayChange: config.onRelayChange }),
    },
    settlements,
  };
}

/** Who does the work of a process: a worker for each relay, and the janitor, to be started first, who tells them what they may have. */
export interface Crew {
  readonly janitor: Janitor;
  readonly workers: readonly Worker[];
}

export function crewOf(app: App, node: Node, relays: readonly Relay[], log: Log, signer: Signer | undefined): Crew {
  const parts = deliveryParts(app, log, signer);
  const shares = relays.map((relay) => new RelayShare(relay, node.id, parts));
  const options = workerOptions(app.config, node);
  return {
    janitor: new Janitor(
      parts,
      janitorOptions(app.config, node, new Shares(parts, { node, lease: SHARE_LEASE }, shares)),
    ),
    workers: relays.map((relay, i) => new Worker(parts, relay, options, shares[i] as RelayShare)),
  };
}

function workerOptions(config: Config, node: Node): WorkerOptions {
  return { holder: node.id, lease: config.lease, grace: GRACE, poll: POLL, gather: GATHER };
}

function janitorOptions(config: Config, node: Node, shares: Shares): JanitorOptions {
  return { node, shares, lease: config.lease, interval: HOUSEKEEPING, retention: retention(config), isAlive };
}

function retention(config: Config): readonly Retention[] {
  return [
    { states: ['sent'], age: config.retainSent },
    { states: ['bounced'], age: config.retainBounced },
    { states: ['captured'], age: config.retainCaptured },
    { states: ['cancelled'], age: config.retainCancelled },
  ];
}

/** How this process calls itself before the others on the database. */
export function newNode(role: string): Node {
  const now = systemClock.now();
  const host = machineName();
  return {
    id: newId(now),
    host,
    place: placeOf(host),
    pid: process.pid,
    role,
    startedAt: now,
    seenAt: now,
  };
}
