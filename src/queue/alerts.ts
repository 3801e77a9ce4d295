/** What nobody may learn too late, in sentences: pure. Each has a name by which its beginning and its end are one episode. */
import type { Instant } from '../runtime/clock.ts';
import { elapsed } from '../runtime/elapsed.ts';
import { damageOf, type Health, isFailing, vainText, webhookTroubles } from './health.ts';
import { absenceOf, isWorked } from './why.ts';

export interface AlertLimits {
  /** Mail waits, and nothing was delivered for so long, ms; null: never mind. */
  readonly silence: number | null;
  /** The oldest delivery that is due has been due for so long, ms; null: never mind. */
  readonly age: number | null;
}

export interface Alert {
  /** `relay-paused:default`: the same while it lasts. */
  readonly name: string;
  readonly text: string;
}

/** `since`: nothing is known of the time before it, as the process has just begun to look; a queue is not silent sooner. */
export function alertsOf(
  health: Health,
  lastSent: Instant | null,
  since: Instant,
  limits: AlertLimits,
): readonly Alert[] {
  return [
    ...damageOf(health).map((text) => ({ name: 'damage', text })),
    ...silence(health, Math.max(lastSent ?? 0, since), since, limits),
    ...age(health, limits),
    ...worker(health),
    ...relays(health),
    ...webhookTroubles(health),
  ];
}

/** What was deferred waits too, but one full mailbox must wake nobody. A relay that defers all, beside others that do not, has a name of its own. */
function silence({ counts, vain, now }: Health, from: Instant, begun: Instant, limits: AlertLimits): readonly Alert[] {
  if (limits.silence === null) return [];
  const waits = counts.oldestDue !== null || counts.states.sending > 0;
  if (waits && now - from >= limits.silence)
    return [{ name: 'silence', text: `nothing was delivered for ${elapsed(now - from)} while mail waits` }];
  const { silence: longest } = limits;
  const long = vain.filter(({ since }) => now - Math.max(since, begun) >= longest);
  return long.map((each) => ({ name: `silence:${each.relay}`, text: vainText(each, now) }));
}

function age({ counts, now }: Health, limits: AlertLimits): readonly Alert[] {
  if (limits.age === null || counts.oldestDue === null || now - counts.oldestDue < limits.age) return [];
  return [{ name: 'age', text: `the oldest delivery has been due for ${elapsed(now - counts.oldestDue)}` }];
}

function worker({ nodes, now }: Health): readonly Alert[] {
  return isWorked(nodes, now) ? [] : [{ name: 'no-worker', text: absenceOf(nodes, now) }];
}

function relays(health: Health): readonly Alert[] {
  return health.relays.flatMap((relay) => {
    if (relay.pausedAt !== null) {
      const by = relay.pausedBy === null ? '' : ` by ${relay.pausedBy}`;
      return [{ name: `relay-paused:${relay.relay}`, text: `relay ${relay.relay} is paused${by}` }];
    }
    if (!isFailing(relay, health)) return [];
    return [
      { name: `relay-failing:${relay.relay}`, text: `relay ${relay.relay} takes no mail, and mail waits for it` },
    ];
  });
}
