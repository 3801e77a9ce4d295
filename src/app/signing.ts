/** What signs mail, from the settings. */
import { signaturesOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import type { Signer } from '../submission/dkim.ts';
import type { DkimReport } from '../submission/dkim-check.ts';

/** undefined where no domain signs. The signer is loaded where it is needed only: it takes a tenth of a second. */
export async function openDkim(config: Config): Promise<Signer | undefined> {
  if (config.dkim.length === 0) return undefined;
  const { openSigner } = await import('../submission/dkim.ts');
  return openSigner(signaturesOf(config));
}

/** What is to be said of each key of the settings, in their order; asks DNS. */
export async function checkKeys(config: Config): Promise<readonly DkimReport[]> {
  const { checkDkim } = await import('../submission/dkim-check.ts');
  return checkDkim(signaturesOf(config));
}
