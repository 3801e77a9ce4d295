/** Word to senders of mail that waits for long, whether attempts were made or its relay let none be made. */
import { isStoreAway } from '../errors.ts';
import { showReply } from '../mail/reply.ts';
import type { Delivery } from '../queue/delivery.ts';
import type { RelayState } from '../queue/relay-store.ts';
import type { DelayReport, LateMessage, Store } from '../queue/store.ts';
import type { Reported } from '../report/owed.ts';
import { type ReportParts, reportOn } from './reports.ts';

/** Reports in one transaction. */
const BATCH = 100;
/** Reports in one round: after an outage thousands may be owed at once, and the janitor has other work too. */
const ROUND = 1_000;

type Parts = ReportParts & { readonly store: Store };

/** Claims nothing, so that no delivery waits for its report, and no attempt is counted. */
export async function reportDelays(parts: Parts, stopped: () => boolean): Promise<void> {
  for (let done = 0; done < ROUND && !stopped(); ) {
    const late = await parts.store.late(parts.clock.now(), BATCH);
    if (late.length === 0) return;
    const relays = new Map((await parts.store.relays()).map((relay) => [relay.relay, relay]));
    const took = await tellAll(parts, late, relays);
    // Others are faster, or workers hold it all: the next round looks again.
    if (took === 0) return;
    done += took;
  }
}

/** Answers with the number of reports that took. */
async function tellAll(parts: Parts, late: readonly LateMessage[], relays: ReadonlyMap<string, RelayState>) {
  const reports: DelayReport[] = [];
  const told: LateMessage[] = [];
  for (const each of late) {
    const report = await reportAlone(parts, each, relays);
    if (report === null) continue;
    reports.push({ deliveries: each.deliveries, report });
    told.push(each);
  }
  const took = await parts.store.reportDelays(reports, parts.clock.now());
  told.forEach((each, i) => {
    if (took[i] === true) log(parts, each);
  });
  const count = took.filter(Boolean).length;
  if (count > 0) parts.queue.announceWork();
  return count;
}

/** One that cannot be made keeps no other back. */
async function reportAlone(parts: Parts, late: LateMessage, relays: ReadonlyMap<string, RelayState>) {
  try {
    return await reportOn(parts, late.message, reportedOf(late, relays));
  } catch (error) {
    if (isStoreAway(error)) throw error;
    parts.log.error({ id: late.message.id, err: error }, 'the report of a delay could not be made');
    return null;
  }
}

function log({ log }: Parts, { message, deliveries }: LateMessage): void {
  const to = deliveries.map(({ recipient }) => recipient);
  log.info({ id: message.id, from: message.sender, to }, 'delayed, its sender is told');
}

function reportedOf({ deliveries }: LateMessage, relays: ReadonlyMap<string, RelayState>): Reported[] {
  return deliveries.map((delivery) => {
    const reply = { code: 451, ...whyLate(delivery, relays.get(delivery.relay)), ours: true } as const;
    return { delivery, action: 'delayed', reply, remote: null, expired: null, doubt: delivery.inDoubt };
  });
}

/** What is known: the relay stands in the way of all, else what was said of this delivery. */
function whyLate({ lastReply }: Delivery, relay: RelayState | undefined): { status: string; text: string } {
  if (relay !== undefined && relay.pausedAt !== null) {
    return {
      status: '4.3.2',
      text: `sending through the relay ${relay.relay} is paused since ${date(relay.pausedAt)}`,
    };
  }
  if (relay !== undefined && relay.faultSince !== null) {
    const fault = relay.lastFault === null ? '' : `; the last fault: ${showReply(relay.lastFault)}`;
    return { status: '4.4.1', text: `the relay ${relay.relay} takes no mail since ${date(relay.faultSince)}${fault}` };
  }
  if (lastReply === null) return { status: '4.4.0', text: 'no attempt could be made yet' };
  return { status: lastReply.status ?? '4.0.0', text: `the last reply was: ${showReply(lastReply)}` };
}

function date(at: number): string {
  return new Date(at).toUTCString();
}
