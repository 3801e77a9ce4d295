/** What settings must keep among each other, as far as no other part knows better. */
import { contradictions } from './contradictions.ts';
import { type Check, complain } from './load.ts';
import { relayChecks } from './relay-checks.ts';

const certificatePair: Check = (loaded) => {
  const { tlsCert, tlsKey } = loaded.config;
  if ((tlsCert === null) === (tlsKey === null)) return [];
  return [complain(loaded, tlsCert === null ? 'tlsCert' : 'tlsKey', 'tlsCert and tlsKey must be set together')];
};

export const standardChecks: readonly Check[] = [certificatePair, ...relayChecks, ...contradictions];
