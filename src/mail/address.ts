/** Addresses as plain text: what is a mailbox, and how two of them compare. */
import { domainToASCII } from 'node:url';

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

/** The domain in the form in which domains are compared: lower case, an international one in ASCII (RFC 5891 5); the empty text where there is none. */
export function domainOf(address: Address): string {
  return asciiDomain(address.slice(address.lastIndexOf('@') + 1).toLowerCase());
}

/**
 * The form in which addresses are compared and searched, also that of `@domain`: all lower case, as people expect (RFC 5321 would keep the
 * local part), and the domain as `domainOf` has it.
 */
export function addressKey(address: Address): string {
  if (!needsSmtpUtf8(address)) return address.toLowerCase();
  const at = address.lastIndexOf('@');
  return at < 0 ? address.toLowerCase() : `${address.slice(0, at).toLowerCase()}@${domainOf(address)}`;
}

/** The address as it travels farthest: with its domain in ASCII, unless its local part needs SMTPUTF8 anyway. Nodemailer writes it so too. */
export function withAsciiDomain(address: Address): Address {
  const local = address.slice(0, address.lastIndexOf('@'));
  return needsSmtpUtf8(address) && !needsSmtpUtf8(local) ? `${local}@${domainOf(address)}` : address;
}

/** The same for all spellings of one mailbox: only the receiver knows whether case counts in its local part (RFC 5321 2.4). */
export function mailboxKey(address: Address): string {
  return `${address.slice(0, address.lastIndexOf('@'))}@${domainOf(address)}`;
}

/**
 * The same for every way in which one mailbox may be written, so that nobody slips past a list by spelling: all lower case, an
 * international domain in its ASCII form (RFC 5891), a local part without quotes that it does not need (RFC 5321 4.1.2), accents composed.
 */
export function listKey(address: Address): string {
  return `${plainLocal(address.slice(0, address.lastIndexOf('@')))}@${domainOf(address)}`;
}

function plainLocal(local: string): string {
  const quoted = /^"(.*)"$/s.exec(local)?.[1]?.replace(/\\(.)/gs, '$1');
  const plain = quoted !== undefined && quoted !== '' && isLocalPart(quoted) ? quoted : local;
  return plain.normalize('NFC').toLowerCase();
}

/** What has no ASCII form stays as it is: it can be no name in DNS. */
function asciiDomain(domain: string): string {
  return !needsSmtpUtf8(domain) || domain.length > MAX_DOMAIN ? domain : domainToASCII(domain) || domain;
}

/** True when the address can only travel with SMTPUTF8 (RFC 6531). */
export function needsSmtpUtf8(address: Address): boolean {
  return !/^[\x20-\x7e]*$/.test(address);
}
