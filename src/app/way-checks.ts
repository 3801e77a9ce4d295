/** What the ways out refuse of the settings, asked before anything is opened. */
import { type Check, type Complaint, complain, complainOf, type Loaded } from '../config/load.ts';
import type { Config, SettingName } from '../config/settings.ts';
import { parseRelayUrl } from '../transport/smtp/url.ts';

export const wayChecks: readonly Check[] = [
  (loaded) => faultOf(loaded, 'relay', ({ relay }) => relay !== null && parseRelayUrl(relay)),
  (loaded) => Object.entries(loaded.config.relays).flatMap(([name, { url }]) => urlFault(loaded, name, url)),
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

/** A setting that a part of the program cannot read. */
export function faultOf(loaded: Loaded, name: SettingName, read: (config: Config) => unknown): readonly Complaint[] {
  try {
    read(loaded.config);
    return [];
  } catch (error) {
    return [complain(loaded, name, messageOf(error))];
  }
}
