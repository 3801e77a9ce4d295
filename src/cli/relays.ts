/** Relays by name, as the settings and the queue tell of them. */
import { relayNamesOf, relaysOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import { DEFAULT_RELAY } from '../queue/route.ts';
import type { RelayPlan } from '../queue/why.ts';
import type { App } from './context.ts';
import { EXIT, Failure } from './failure.ts';

/** All that a command may name: those of the settings, and those of which the queue has something to tell. */
export async function knownRelays(app: App, config: Config): Promise<readonly string[]> {
  const told = (await app.store.relays()).map((state) => state.relay);
  return [...new Set([...relayNamesOf(config), ...told])];
}

export function mustKnow(name: string, known: readonly string[]): string {
  if (known.includes(name)) return name;
  throw new Failure(`there is no relay ${JSON.stringify(name)}; known: ${known.join(', ')}`, EXIT.failure);
}

/**
 * What the settings say of a delivery's relay. A short command may not see the setting `relay`, which is often in the environment of
 * the server alone: so `default` counts as known always, and where nothing is told of relays, every name does.
 */
export function planOf(config: Config, name: string): RelayPlan {
  const tells = Object.keys(config.relays).length > 0;
  const settings = relaysOf(config).find((relay) => relay.name === name);
  return {
    known: !tells || name === DEFAULT_RELAY || settings !== undefined,
    fallback: settings?.fallback ?? [],
    failoverAfter: settings?.failoverAfter ?? 0,
  };
}
