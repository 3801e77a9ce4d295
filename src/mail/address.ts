/** Addresses as plain text: what is a mailbox, and how two of them compare. */

/** A mailbox `local@domain` exactly as it was given (RFC 5321 4.1.2, RFC 6531 for UTF-8), without angle brackets. */
export type Address = string;

/** RFC 5321 4.5.3.1.1 and .2: octets, not characters. */
const MAX_LOCAL = 64;
const MAX_DOMAIN = 255;

const ATOM = /^[^\s"(),:;<>@[\\\]\p{Cc}]+$/u;
const QUOTED = /^"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*"$/u;
const DOMAIN = /^(?!-)[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_.-]*[\p{L}\p{M}\p{N}_])?$/u;
const LITERAL = /^\[[0-9A-Za-z.:-]+\]$/;

/** Why a text is no mailbox, in words that follow "address"; `undefined` when it is one. */
export function addressFault(text: string): string | undefined {
  const at = text.lastIndexOf('@');
  if (at < 1 || at === text.length - 1) return 'has no local part and domain with an @ between them';
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);
  if (Buffer.byteLength(local) > MAX_LOCAL) return `has a local part of more than ${MAX_LOCAL} octets`;
  if (Buffer.byteLength(domain) > MAX_DOMAIN) return `has a domain of more than ${MAX_DOMAIN} octets`;
  if (!isLocalPart(local)) return 'has a local part with characters that need quoting';
  if (!LITERAL.test(domain) && (!DOMAIN.test(domain) || domain.includes('..'))) return 'has a malformed domain';
  return undefined;
}

function isLocalPart(local: string): boolean {
  if (local.startsWith('"')) return QUOTED.test(local);
  return ATOM.test(local) && !local.startsWith('.') && !local.endsWith('.') && !local.includes('..');
}

export function isAddress(text: string): text is Address {
  return addressFault(text) === undefined;
}

/** The domain in lower case; the empty text where there is none. */
export function domainOf(address: Address): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/** The form in which addresses are compared and searched: all lower case, as people expect (RFC 5321 would keep the local part). */
export function addressKey(address: Address): string {
  return address.toLowerCase();
}

/** The same for all spellings of one mailbox: only the receiver knows whether case counts in its local part (RFC 5321 2.4). */
export function mailboxKey(address: Address): string {
  return `${address.slice(0, address.lastIndexOf('@'))}@${domainOf(address)}`;
}

/** True when the address can only travel with SMTPUTF8 (RFC 6531). */
export function needsSmtpUtf8(address: Address): boolean {
  return !/^[\x20-\x7e]*$/.test(address);
}
