/** What the parts of a server refuse of its settings, asked before anything is opened. */
import { type Check, type Complaint, complain, type Loaded } from '../config/load.ts';
import type { Config, SettingName } from '../config/settings.ts';
import { bindingFault } from '../submission/smtp/clients.ts';
import { authenticator } from '../submission/smtp/users.ts';
import { parseRelayUrl } from '../transport/smtp/url.ts';

export const serverChecks: readonly Check[] = [
  (loaded) => faultOf(loaded, 'relay', ({ relay }) => relay !== null && parseRelayUrl(relay)),
  (loaded) => faultOf(loaded, 'users', ({ users }) => authenticator(users)),
  (loaded) => {
    const { listen, users, tlsCert, clients } = loaded.config;
    const fault = bindingFault(listen, users.length > 0, tlsCert !== null, clients);
    return fault === undefined ? [] : [complain(loaded, 'listen', fault)];
  },
];

function faultOf(loaded: Loaded, name: SettingName, read: (config: Config) => unknown): readonly Complaint[] {
  try {
    read(loaded.config);
    return [];
  } catch (error) {
    return [complain(loaded, name, error instanceof Error ? error.message : String(error))];
  }
}
