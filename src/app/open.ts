/** Opens the queue on its database: all that a short command needs, and nothing that runs. Loads no listener, transport or worker. */
import type { Loaded } from '../config/load.ts';
import { maxAttemptsOf, relaysOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import { type Actor, Audit } from '../queue/audit.ts';
import { type Meter, metered } from '../queue/metered.ts';
import { Operator } from '../queue/operator.ts';
import { Queue } from '../queue/queue.ts';
import { compileRoutes } from '../queue/route.ts';
import { compileSafety } from '../queue/safety.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../queue/schedule.ts';
import type { Store } from '../queue/store.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Log, silentLog } from '../runtime/log.ts';
import type { Tracing } from '../runtime/tracing.ts';
import { DamageWatch } from '../store/damage.ts';
import { databaseFile, openStore } from '../store/open.ts';
import { openTracing } from './tracing.ts';

/** The queue on its database, open. */
export interface App {
  readonly config: Config;
  /** Where the settings came from; absent where nobody can ask. */
  readonly loaded?: Loaded | undefined;
  readonly store: Store;
  /** What this process has found of damage; always nothing for a command of the moment, and on a server. */
  readonly damage: Pick<DamageWatch, 'refuses'>;
  readonly queue: Queue;
  readonly audit: Audit;
  readonly tracing: Tracing;
  /** The queue in the hands of somebody, whose deeds are written down. */
  operator(actor: Actor): Operator;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** For a command of the moment, with the database in this thread. */
  readonly here?: boolean;
  /** With a SQLite file in a process of its own. */
  readonly apart?: boolean;
  /** Is told of all that goes through the store. */
  readonly meter?: Meter | undefined;
  readonly loaded?: Loaded;
}

export async function openApp(
  config: Config,
  log: Log = silentLog,
  { here = false, apart = false, meter, loaded }: OpenOptions = {},
): Promise<App> {
  const opened = await openStore(config.database, { log, here, apart });
  const damage = new DamageWatch();
  const watched = here || databaseFile(config.database) === null ? opened : damage.watch(opened);
  const store = meter === undefined ? watched : metered(watched, meter);
  const tracing = await openTracing(log);
  const router = compileRoutes(config.routes, config.defaultRelay);
  const safeguard = compileSafety(config);
  const patience = new Map(relaysOf(config).map(({ name, retry }) => [name, retry]));
  const queue = new Queue({
    store,
    clock: systemClock,
    log,
    router,
    safeguard,
    patience,
    policy: retryPolicy(config),
    keepContent: config.keepContent,
    tracing,
  });
  const audit = new Audit({ store, clock: systemClock, log });
  const operator = (actor: Actor): Operator => new Operator(queue, audit, actor);
  return { config, loaded, store, damage, queue, audit, tracing, operator, close: () => store.close() };
}

/** How a delivery without a relay of its own is tried again. */
export function retryPolicy(config: Config): RetryPolicy {
  return {
    ...defaultRetryPolicy,
    firstDelay: config.retryFirstDelay,
    maxDelay: config.retryMaxDelay,
    maxAge: config.maxAge,
    maxAttempts: maxAttemptsOf(config),
    mode: config.retry,
    delayReportAfter: config.delayReportAfter,
  };
}
