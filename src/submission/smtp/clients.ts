/** Which clients may submit, and why a listener that others can reach is refused without a guard. */
import { BlockList, isIP } from 'node:net';
import { PosthasteError } from '../../errors.ts';

export interface ListenAddress {
  /** An IP address, or `localhost`. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Reads `10.0.0.0/8`, `192.0.2.1`, `2001:db8::/32`. Throws CONFIG_INVALID for anything else. */
function networks(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const family = familyOf(address);
    if (family === undefined) throw unreadable(entry);
    try {
      if (prefix === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(prefix), family);
    } catch {
      throw unreadable(entry);
    }
  }
  return list;
}

function unreadable(entry: string): PosthasteError {
  return new PosthasteError(
    'CONFIG_INVALID',
    `${entry} is no address and no network: write for example 192.0.2.1 or 10.0.0.0/8.`,
  );
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const family = isIP(address);
  return family === 0 ? undefined : family === 4 ? 'ipv4' : 'ipv6';
}

const loopback = networks(['127.0.0.0/8', '::1']);

function includes(list: BlockList, address: string): boolean {
  const family = familyOf(address);
  return family !== undefined && list.check(address, family);
}

/** The address of a client as people write it: IPv4 that arrives on an IPv6 socket is IPv4. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}

export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || includes(loopback, host);
}

/** Says of an address whether it is trusted to submit without a login: loopback, and what the list names. */
export function trustedClients(entries: readonly string[]): (address: string) => boolean {
  const listed = networks(entries);
  return (address) => includes(loopback, address) || includes(listed, address);
}

/**
 * Why these addresses must not be listened on, in a sentence; undefined when they may. Whatever others can reach needs logins over
 * TLS or a list of clients: an open relay is found by strangers within hours. Private ranges are no guard, for in a container
 * every client can look like the gateway.
 */
export function bindingFault(
  listen: readonly ListenAddress[],
  hasUsers: boolean,
  hasTls: boolean,
  clients: readonly string[],
): string | undefined {
  const wide = listen.filter(({ host }) => !isLoopback(host)).map(({ host }) => host);
  if (wide.length === 0) return undefined;
  const everybody = clients.find((entry) => /\/0+$/.test(entry));
  if (everybody !== undefined)
    return `${everybody} is everybody: with it, ${wide.join(' and ')} would be an open relay.`;
  if (clients.length > 0 || (hasUsers && hasTls)) return undefined;
  const lack = hasUsers
    ? 'a certificate, so that passwords travel encrypted, or a list of clients'
    : 'users and a certificate, or a list of clients';
  return `${wide.join(' and ')} can be reached from other machines: configure ${lack}, or listen on 127.0.0.1.`;
}
