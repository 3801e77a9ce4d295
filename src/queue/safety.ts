/** What keeps mail of a test system from people: all of it to one address, only to some recipients, or none before somebody looked. */
import { type Address, addressKey, withAsciiDomain } from '../mail/address.ts';
import type { Recipient } from '../mail/envelope.ts';
import { compilePattern } from './address-pattern.ts';
import type { Reason } from './reason.ts';

export interface SafetyOptions {
  /** Gets the mail of all whom `allow` does not name. */
  readonly redirect: Address | null;
  /** Addresses, `@domain`, `@*.domain` that may get mail; null: with `redirect` none, else all. */
  readonly allow: readonly string[] | null;
  readonly holdAll: boolean;
}

/** Why a delivery is held from the start. */
export type HeldAtFirst = Extract<Reason, 'not-allowed' | 'hold-all'>;

/** The recipients of a message as they are to be kept. */
export interface Safeguarded {
  readonly recipients: readonly { readonly recipient: Recipient; readonly held: HeldAtFirst | null }[];
  /** For the message's metadata: the recipients that were replaced. */
  readonly metadata: Readonly<Record<string, string>>;
}

export type Safeguard = (recipients: readonly Recipient[]) => Safeguarded;

/** Under this key the metadata of a message names the recipients that its redirection replaced. */
export const REDIRECTED_FROM = 'redirectedFrom';

export const noSafeguard: Safeguard = (recipients) => ({
  recipients: recipients.map((recipient) => ({ recipient, held: null })),
  metadata: {},
});

export function compileSafety({ redirect: given, allow, holdAll }: SafetyOptions): Safeguard {
  const redirect = given && withAsciiDomain(given);
  const patterns = allow?.map(compilePattern);
  const allowed = (address: Address): boolean => patterns?.some((fits) => fits(address)) ?? redirect === null;
  const held = (address: Address): HeldAtFirst | null => {
    if (holdAll) return 'hold-all';
    return redirect !== null || allowed(address) ? null : 'not-allowed';
  };
  if (redirect === null && allow === null && !holdAll) return noSafeguard;
  return (recipients) => {
    const { kept, replaced } =
      redirect === null ? { kept: recipients, replaced: [] } : divert(recipients, redirect, allowed);
    return {
      recipients: kept.map((recipient) => ({ recipient, held: held(recipient.address) })),
      metadata: replaced.length === 0 ? {} : { [REDIRECTED_FROM]: replaced.join(', ') },
    };
  };
}

/** One recipient in the place of all that are not allowed; one who is it already stays as he is. */
function divert(
  recipients: readonly Recipient[],
  redirect: Address,
  allowed: (address: Address) => boolean,
): { readonly kept: readonly Recipient[]; readonly replaced: readonly Address[] } {
  const stays = ({ address }: Recipient): boolean => allowed(address) || addressKey(address) === addressKey(redirect);
  const kept = recipients.filter(stays);
  const gone = recipients.filter((recipient) => !stays(recipient));
  const replaced = gone.map(({ address }) => address);
  const there = kept.some(({ address }) => addressKey(address) === addressKey(redirect));
  if (gone.length === 0 || there) return { kept, replaced };
  // A report stays one about which nobody is told (RFC 3461 6.2).
  const never = gone.every(({ notify }) => notify?.includes('never'));
  return { kept: [...kept, { address: redirect, ...(never && { notify: ['never'] }) }], replaced };
}
