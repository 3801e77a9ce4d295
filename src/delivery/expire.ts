/** Mail whose time is over: given up with its report, with nothing tried. */
import { bounce, expiryReply } from '../queue/settle.ts';
import type { Claim } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { conclude, type DeliveryParts } from './conclude.ts';

/** One that cannot be ended keeps no other back: its lease runs out, and it is tried again. */
export async function expire(parts: DeliveryParts, claim: Claim, now: Instant): Promise<void> {
  const decided = claim.deliveries.map((delivery) => {
    const decision = { ...bounce(delivery, 'expired', expiryReply(delivery)), giveBack: true };
    return { delivery, outcome: null, decision };
  });
  const relay = claim.deliveries[0]?.relay ?? '';
  try {
    await conclude(parts, claim, decided, { startedAt: now, relay, host: null });
  } catch (error) {
    parts.log.error({ id: claim.message.id, err: error }, 'mail whose time is over could not be given up');
  }
}

/** Ends what expired since it was claimed; answers with the rest, undefined where there is none. */
export async function dropExpired(parts: DeliveryParts, claim: Claim): Promise<Claim | undefined> {
  const now = parts.clock.now();
  const over = claim.deliveries.filter(({ expiresAt }) => expiresAt <= now);
  if (over.length === 0) return claim;
  await expire(parts, { ...claim, deliveries: over }, now);
  const rest = claim.deliveries.filter(({ expiresAt }) => expiresAt > now);
  return rest.length === 0 ? undefined : { ...claim, deliveries: rest };
}
