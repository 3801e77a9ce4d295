/** What the parts of a server refuse of its settings, asked before anything is opened. */
import { type Check, type Complaint, complain, complainOf, type Loaded } from '../config/load.ts';
import type { Config, SettingName } from '../config/settings.ts';
import { bindingFault } from '../submission/smtp/clients.ts';
import { authenticator } from '../submission/smtp/users.ts';
import { parseRelayUrl } from '../transport/smtp/url.ts';

export const serverChecks: readonly Check[] = [
  (loaded) => faultOf(loaded, 'relay', ({ relay }) => relay !== null && parseRelayUrl(relay)),
  (loaded) => Object.entries(loaded.config.relays).flatMap(([name, { url }]) => urlFault(loaded, name, url)),
  (loaded) => faultOf(loaded, 'users', ({ users }) => authenticator(users)),
  (loaded) => {
    const { listen, users, tlsCert, clients } = loaded.config;
    const fault = bindingFault(listen, users.length > 0, tlsCert !== null, clients);
    return fault === undefined ? [] : [complain(loaded, 'listen', fault)];
  },
];

/** Other schemes than these two are no business of the SMTP client. */
function urlFault(loaded: Loaded, name: string, url: string | undefined): readonly Complaint[] {
  if (url === undefined || !/^smtps?:/i.test(url)) return [];
  try {
    parseRelayUrl(url);
    return [];
  } catch (error) {
    return [complainOf(loaded, 'relays', [name, 'url'], `cannot be used. ${messageOf(error)}`)];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function faultOf(loaded: Loaded, name: SettingName, read: (config: Config) => unknown): readonly Complaint[] {
  try {
    read(loaded.config);
    return [];
  } catch (error) {
    return [complain(loaded, name, messageOf(error))];
  }
}
