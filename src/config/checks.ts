/** What settings must keep among each other. */
import { isIP } from 'node:net';
import { type HostPort, showHostPort } from './kinds.ts';
import { type Check, complain } from './load.ts';

/** True for addresses that only this machine can reach. */
export function isLoopback({ host }: HostPort): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host.toLowerCase() === 'localhost';
}

/** An open relay is found by strangers within hours: wider than loopback needs a list of clients, or logins over TLS. */
const guarded: Check = (loaded) => {
  const { listen, clients, users, tlsCert } = loaded.config;
  const wide = listen.filter((address) => !isLoopback(address));
  if (wide.length === 0 || clients.length > 0 || (users.length > 0 && tlsCert !== null)) return [];
  const lack =
    users.length > 0
      ? 'tlsCert and tlsKey, so that passwords travel encrypted, or clients'
      : 'clients, or users with tlsCert and tlsKey';
  return [
    complain(
      loaded,
      'listen',
      `${wide.map(showHostPort).join(' and ')} can be reached from other machines; set ${lack}`,
    ),
  ];
};

const certificatePair: Check = (loaded) => {
  const { tlsCert, tlsKey } = loaded.config;
  if ((tlsCert === null) === (tlsKey === null)) return [];
  return [complain(loaded, tlsCert === null ? 'tlsCert' : 'tlsKey', 'tlsCert and tlsKey must be set together')];
};

export const standardChecks: readonly Check[] = [guarded, certificatePair];
