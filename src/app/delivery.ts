/** What workers and the janitor are given, from the settings. */
import { hostname as machineName } from 'node:os';
import type { Config } from '../config/settings.ts';
import type { DeliveryParts } from '../delivery/conclude.ts';
import { Janitor, type JanitorOptions, type Retention } from '../delivery/janitor.ts';
import type { Relay } from '../delivery/relay.ts';
import { RelayShare } from '../delivery/relay-share.ts';
import { Round, type Tally } from '../delivery/round.ts';
import { Shares } from '../delivery/shares.ts';
import { Worker, type WorkerOptions } from '../delivery/worker.ts';
import { ENDED } from '../queue/delivery.ts';
import type { Node } from '../queue/relay-store.ts';
import type { SettleGroup } from '../queue/store.ts';
import { roleOf } from '../queue/why.ts';
import { Batch } from '../runtime/batch.ts';
import { systemClock } from '../runtime/clock.ts';
import { newId } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import { Presence } from '../runtime/presence.ts';
import { isAlive, PROCESS_STARTED, placeOf } from '../runtime/process.ts';
import { type Service, startAll, stopAll } from '../runtime/service.ts';
import type { Signer } from '../submission/dkim.ts';
import { CaptureTransport } from '../transport/capture.ts';
import type { App } from './open.ts';
import { openRelays } from './ways-out.ts';
import { openWebhooks } from './webhooks.ts';

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
  const { store, queue, tracing, config } = app;
  const settle = (groups: readonly SettleGroup[]): Promise<readonly (readonly boolean[])[]> =>
    store.settle(groups, systemClock.now());
  const settlements = new Batch(settle, { maxItems: 200, parallel: 4, apart: true });
  return {
    store,
    queue,
    tracing,
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
  /** Of all of them. */
  readonly round: Round;
}

/** `pause`: between two rounds, ms; null: there is one only. */
function crewOf(
  app: App,
  node: Node,
  relays: readonly Relay[],
  log: Log,
  signer: Signer | undefined,
  pause: number | null,
): Crew {
  const parts = deliveryParts(app, log, signer);
  const times = { clock: parts.clock, log, pause };
  const round = new Round(app.config, times);
  const roundOf = ({ name, limits }: Relay): Round => new Round(limits, { ...times, shared: round, relay: name });
  const shares = relays.map((relay) => new RelayShare(relay, node.id, parts));
  const options = workerOptions(app.config, node);
  return {
    janitor: new Janitor(
      parts,
      janitorOptions(app.config, node, new Shares(parts, { node, lease: SHARE_LEASE }, shares)),
    ),
    workers: relays.map((relay, i) => new Worker(parts, relay, options, shares[i] as RelayShare, roundOf(relay))),
    round,
  };
}

function workerOptions(config: Config, node: Node): WorkerOptions {
  return { holder: node.id, lease: config.lease, grace: GRACE, poll: POLL, gather: GATHER };
}

function janitorOptions(config: Config, node: Node, shares: Shares): JanitorOptions {
  const { lease, retainAudit } = config;
  const times = { lease, interval: HOUSEKEEPING, processStarted: PROCESS_STARTED };
  return { node, shares, ...times, retention: retention(config), retainAudit, isAlive };
}

function retention(config: Config): readonly Retention[] {
  const each: readonly Retention[] = [
    { states: ['sent'], age: config.retainSent },
    { states: ['bounced'], age: config.retainBounced },
    { states: ['captured'], age: config.retainCaptured },
    { states: ['cancelled'], age: config.retainCancelled },
  ];
  const ages = each.flatMap(({ age }) => (age === null ? [] : [age]));
  // A message whose recipients came to several ends fits none of these.
  return [...each, { states: ENDED, age: ages.length < each.length ? null : Math.max(...ages) }];
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

/** In the order of their start: the janitor frees what a crashed process held before anybody works. */
export function deliveryServices(
  app: App,
  node: Node,
  relays: readonly Relay[],
  log: Log,
  signer: Signer | undefined,
): Service[] {
  const { janitor, workers } = crewOf(app, node, relays, log, signer, app.config.batchPause);
  const webhooks = openWebhooks(app, node.id, log);
  return [new Presence(), janitor, ...(webhooks === null ? [] : [webhooks]), ...workers];
}

/** Delivery alone, until it is stopped. */
export async function startDelivery(
  app: App,
  role: string,
  log: Log,
  signer: Signer | undefined,
): Promise<{ stop(): Promise<void> }> {
  const relays = await openRelays(app.config, app.store, log);
  const services = deliveryServices(app, newNode(roleOf(role, relays.length === 0)), relays, log, signer);
  await startAll(services);
  return { stop: () => stopAll(services) };
}

/** A worker that fails takes nothing from the hands of the others. */
async function allOnce(workers: readonly Worker[]): Promise<void> {
  const ends = await Promise.allSettled(workers.map((worker) => worker.once()));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** One pass over everything that is due, with the limits of the settings. Answers with what became of the messages. */
export async function deliverOnce(app: App, role: string, log: Log, signer: Signer | undefined): Promise<Tally> {
  const relays = await openRelays(app.config, app.store, log);
  const node = newNode(roleOf(role, relays.length === 0));
  const { janitor, workers, round } = crewOf(app, node, relays, log, signer, null);
  const presence = new Presence();
  try {
    // The janitor goes on meanwhile: a share of the relay's connections is kept only by those who show that they live.
    await startAll([presence, janitor]);
    await allOnce(workers);
    await janitor.tidied();
    await openWebhooks(app, node.id, log)?.once();
    const tally = round.total;
    log.info({ ...tally, took: systemClock.now() - node.startedAt }, 'round is over');
    // Where only errors are heard, nobody might notice that no mail leaves.
    if (relays.every(({ transport }) => transport instanceof CaptureTransport) && tally.sent > 0)
      log.error({ captured: tally.sent }, 'mail was captured, not sent: no relay is set');
    return tally;
  } finally {
    await stopAll([presence, janitor, ...workers]);
    // Between two runs of cron nobody should read that there is no worker.
    await app.store.heartbeat({ ...node, seenAt: systemClock.now() });
  }
}
