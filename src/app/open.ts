/** Opens the queue on its database: all that a short command needs, and nothing that runs. Loads no listener, transport or worker. */
import { relaysOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import { Queue } from '../queue/queue.ts';
import { compileRoutes } from '../queue/route.ts';
import { compileSafety } from '../queue/safety.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../queue/schedule.ts';
import type { Store } from '../queue/store.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Log, silentLog } from '../runtime/log.ts';
import { openStore } from '../store/open.ts';

/** The queue on its database, open. */
export interface App {
  readonly config: Config;
  readonly store: Store;
  readonly queue: Queue;
  close(): Promise<void>;
}

export async function openApp(config: Config, log: Log = silentLog): Promise<App> {
  const store = await openStore(config.database, { log });
  const router = compileRoutes(config.routes, config.defaultRelay);
  const safeguard = compileSafety(config);
  const patience = new Map(relaysOf(config).map(({ name, retry }) => [name, retry]));
  const queue = new Queue({ store, clock: systemClock, log, router, safeguard, patience, policy: retryPolicy(config) });
  return { config, store, queue, close: () => store.close() };
}

/** How a delivery without a relay of its own is tried again. */
export function retryPolicy(config: Config): RetryPolicy {
  return {
    ...defaultRetryPolicy,
    firstDelay: config.retryFirstDelay,
    maxDelay: config.retryMaxDelay,
    maxAge: config.maxAge,
    maxAttempts: config.maxAttempts,
    delayReportAfter: config.delayReportAfter,
  };
}
