/** The workers and the janitor of one process on an open queue. */
import type { Relay } from '../delivery/relay.ts';
import type { Node } from '../queue/store.ts';
import { roleOf } from '../queue/why.ts';
import type { Log } from '../runtime/log.ts';
import { Presence } from '../runtime/presence.ts';
import { type Service, startAll, stopAll } from '../runtime/service.ts';
import type { Signer } from '../submission/dkim.ts';
import { crewOf, newNode } from './delivery.ts';
import type { App } from './open.ts';
import { openRelays } from './ways-out.ts';

/** In the order of their start: the janitor frees what a crashed process held before anybody works. */
export function deliveryServices(
  app: App,
  node: Node,
  relays: readonly Relay[],
  log: Log,
  signer: Signer | undefined,
): Service[] {
  const { janitor, workers } = crewOf(app, node, relays, log, signer);
  return [new Presence(), janitor, ...workers];
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
