/** Relays by name, as the settings and the queue tell of them. */
import { relayNamesOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import type { App } from './open.ts';

/** All that may be named: those of the settings, and those of which the queue has something to tell. */
export async function knownRelays(app: Pick<App, 'store'>, config: Config): Promise<readonly string[]> {
  const told = (await app.store.relays()).map((state) => state.relay);
  return [...new Set([...relayNamesOf(config), ...told])];
}
