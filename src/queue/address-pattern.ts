/** Patterns for addresses: `ann@example.com`, `@example.com`, `@*.example.com` for all domains below it, `<>` for the null sender. */
import { type Address, addressKey, domainOf } from '../mail/address.ts';

/** True where the address fits; letters count without case. */
export type AddressMatcher = (address: Address | null) => boolean;

export function compilePattern(pattern: string): AddressMatcher {
  if (pattern === '<>') return (address) => address === null;
  const wanted = addressKey(pattern);
  if (wanted.startsWith('@*.')) return (address) => address !== null && domainOf(address).endsWith(wanted.slice(2));
  if (wanted.startsWith('@')) return (address) => address !== null && domainOf(address) === wanted.slice(1);
  return (address) => address !== null && addressKey(address) === wanted;
}
