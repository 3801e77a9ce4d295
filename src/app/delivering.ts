/** The workers and the janitor of one process, started on an open queue and stopped in order. */
import { Janitor } from '../delivery/janitor.ts';
import { Worker } from '../delivery/worker.ts';
import { roleOf } from '../queue/why.ts';
import type { Log } from '../runtime/log.ts';
import { startAll, stopAll } from '../runtime/service.ts';
import { deliveryParts, janitorOptions, newNode, workerOptions } from './delivery.ts';
import type { App } from './open.ts';
import { openRelays } from './ways-out.ts';

export async function startDelivery(app: App, role: string, log: Log): Promise<{ stop(): Promise<void> }> {
  const relays = await openRelays(app.config, app.store, log);
  const parts = deliveryParts(app, log);
  const node = newNode(roleOf(role, relays.length === 0));
  const services = [
    new Janitor(parts, janitorOptions(app.config, node)),
    ...relays.map((relay) => new Worker(parts, relay, workerOptions(app.config, node))),
  ];
  await startAll(services);
  return { stop: () => stopAll(services) };
}
