/** What settings must keep among each other, as far as no other part knows better. */
import { contradictions } from './contradictions.ts';
import { type Check, complain, complainOf } from './load.ts';
import { relayChecks } from './relay-checks.ts';

const certificatePair: Check = (loaded) => {
  const { tlsCert, tlsKey } = loaded.config;
  if ((tlsCert === null) === (tlsKey === null)) return [];
  return [complain(loaded, tlsCert === null ? 'tlsCert' : 'tlsKey', 'tlsCert and tlsKey must be set together')];
};

const webhookSecrets: Check = (loaded) =>
  Object.entries(loaded.config.webhooks).flatMap(([name, { secret = [], secretFile }]) => {
    if (secret.length > 0 !== (secretFile !== undefined)) return [];
    const fault =
      secretFile === undefined ? 'needs a secret, or a secretFile' : 'has a secret and a secretFile: keep one';
    return [complainOf(loaded, 'webhooks', [name], fault)];
  });

export const standardChecks: readonly Check[] = [certificatePair, webhookSecrets, ...relayChecks, ...contradictions];
