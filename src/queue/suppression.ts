/** What is said of a delivery that was not tried because its recipient is suppressed. Pure. */
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Suppression } from './store.ts';

const WORD = 'suppressed';

/** Kept with the delivery as its reply: it stays true when the list has changed. 5.7.1 is "delivery not authorized" (RFC 3463 3.8). */
export function suppressionReply({ target, reason, since, until, note }: Suppression): Reply {
  const whom = target.startsWith('@') ? ` with all of ${target}` : '';
  const end = until === null ? '' : `, until ${minute(until)}`;
  const text = `${WORD}${whom} since ${minute(since)}${end}: ${reason}${note === null ? '' : ` (${note})`}`;
  return { code: 550, status: '5.7.1', text };
}

/** `suppressed since ...: why`, where the reply says so; undefined for what a relay had said before. */
export function suppressionIn(reply: Reply | null): string | undefined {
  return reply?.text.startsWith(`${WORD} `) ? reply.text : undefined;
}

/** `2026-11-22 10:14 UTC`: it is kept, and read in whatever time zone. */
function minute(instant: Instant): string {
  return `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
