/** Suppressions: whom an entry means, and what is said of a delivery that was not tried because of one. Pure. */
import { type Address, addressFault, listKey } from '../mail/address.ts';
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Suppression } from './store.ts';

const WORD = 'suppressed';

/** A path has room for no longer address (RFC 5321 4.5.3.1.3), octets. */
const MAX_TARGET = 254;

/** The form in which targets are kept and compared: of an address, or of `@domain`. */
export function targetKey(target: string): string {
  return target.startsWith('@') ? listKey(`x${target}`).slice(1) : listKey(target);
}

/** The form in which a part of a target is looked for. */
export function partKey(part: string): string {
  return part.includes('@') ? targetKey(part) : part.normalize('NFC').toLowerCase();
}

/** The targets that would suppress a recipient, the nearer one first. */
export function targetsOf(recipient: Address): readonly [address: string, domain: string] {
  const key = listKey(recipient);
  return [key, key.slice(key.lastIndexOf('@'))];
}

/** Why a text is no target, in words that follow it; undefined when it is one. */
export function targetFault(target: string): string | undefined {
  const fault = addressFault(target.startsWith('@') ? `x${target}` : target);
  if (fault !== undefined) return `is no address and no @domain: it ${fault}`;
  const octets = Buffer.byteLength(targetKey(target));
  return octets > MAX_TARGET ? `is no address: it has ${octets} octets, and ${MAX_TARGET} are the most` : undefined;
}

/** An entry as people and programs give it. */
export interface SuppressionEntry {
  /** An address, or `@domain` for all of a domain (not of those below it). */
  readonly target: string;
  /** Default: `asked`. */
  readonly reason?: string | undefined;
  /** Default: now. */
  readonly since?: Instant | undefined;
  /** Default: for good. */
  readonly until?: Instant | null | undefined;
  readonly note?: string | null | undefined;
}

const DEFAULT_REASON = 'asked';
/** Characters of a reason or a note: they stand in replies, lists and reports. */
const MAX_TEXT = 500;

/** What is wrong with an entry, as a sentence; undefined when it can be kept. */
export function entryFault({
  target,
  reason,
  since = 0,
  until = null,
  note = null,
}: SuppressionEntry): string | undefined {
  if (typeof target !== 'string') return `${JSON.stringify(target)} is no text: give an address or @domain`;
  const fault = targetFault(target.trim());
  if (fault !== undefined) return `${JSON.stringify(target)} ${fault}`;
  for (const [name, text] of Object.entries({ reason, note })) {
    if (text != null && (typeof text !== 'string' || [...text].length > MAX_TEXT))
      return `the ${name} is no text of at most ${MAX_TEXT} characters`;
  }
  for (const [name, time] of Object.entries({ since, until })) {
    if (time !== null && !(Number.isSafeInteger(time) && time >= 0)) return `${name} is ${String(time)}: give a time`;
  }
  return until !== null && until <= since ? 'until is not later than since' : undefined;
}

/** The entry with its defaults; nothing must be wrong with it. */
export function suppressionOf({ target, reason, since, until, note }: SuppressionEntry, now: Instant): Suppression {
  return {
    target: targetKey(target.trim()),
    reason: reason?.trim() || DEFAULT_REASON,
    since: since ?? now,
    until: until ?? null,
    note: note?.trim() || null,
  };
}

/** Kept with the delivery as its reply: it stays true when the list has changed. 5.7.1 is "delivery not authorized" (RFC 3463 3.8). */
export function suppressionReply({ target, reason, since, until, note }: Suppression): Reply {
  const whom = target.startsWith('@') ? ` with all of ${target}` : '';
  const end = until === null ? '' : `, until ${minute(until)}`;
  const text = `${WORD}${whom} since ${minute(since)}${end}: ${reason}${note === null ? '' : ` (${note})`}`;
  return { code: 550, status: '5.7.1', text, ours: true };
}

/** `suppressed since ...: why`, where the reply says so; undefined for what a relay had said before. */
export function suppressionIn(reply: Reply | null): string | undefined {
  return reply?.text.startsWith(`${WORD} `) ? reply.text : undefined;
}

/** `2026-11-22 10:14 UTC`: it is kept, and read in whatever time zone. */
function minute(instant: Instant): string {
  return `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
