/** What is wrong with the queue, in sentences: pure, from its sums, its relays and its workers. */
import { showReply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import { elapsed } from '../runtime/elapsed.ts';
import type { Node, RelayState } from './relay-store.ts';
import type { Counts } from './store.ts';
import type { Vain } from './vain.ts';
import type { WebhookState } from './webhook.ts';
import { absenceOf, findsDamage, isSeen, isWorked } from './why.ts';

export interface Problem {
  readonly level: 'warning' | 'critical';
  readonly text: string;
}

export interface Health {
  readonly counts: Counts;
  readonly relays: readonly RelayState[];
  /** Of the relays with faults, those for which deliveries are queued or being sent. */
  readonly waitedFor: ReadonlySet<string>;
  /** Also those that were not seen lately, or are gone. */
  readonly nodes: readonly Node[];
  readonly webhooks: readonly WebhookState[];
  /** Relays that defer all mail, as far as enough was tried to tell. */
  readonly vain: readonly Vain[];
  readonly now: Instant;
}

const MINUTE = 60_000;
/** Faults that last longer than a restart of the relay. */
const LONG_FAULT = 15 * MINUTE;
/** Longer than greylisting. */
const LONG_VAIN = 15 * MINUTE;
/** A queue that is worked on tries what is due within seconds. */
const LATE = 5 * MINUTE;
const VERY_LATE = 60 * MINUTE;

/** The worst first. Nobody may have to read between lines that mail waits and nothing happens. */
export function problemsOf(health: Health): readonly Problem[] {
  const problems = [
    ...damage(health),
    ...workers(health),
    ...health.relays.flatMap((relay) => ofRelay(relay, health)),
    ...overtaken(health),
    ...late(health),
    ...inVain(health),
    ...doubt(health),
    ...webhooks(health),
  ];
  return problems.toSorted((a, b) => Number(b.level === 'critical') - Number(a.level === 'critical'));
}

/** The exit codes of monitoring plug-ins: 0 fine, 1 warning, 2 critical. */
export function severity(problems: readonly Problem[]): 0 | 1 | 2 {
  if (problems.some((problem) => problem.level === 'critical')) return 2;
  return problems.length > 0 ? 1 : 0;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function waiting({ states }: Counts): number {
  return states.queued + states.sending;
}

/** It does not pass by itself, and what is refused or lies still because of it shows in no sum. */
function damage(health: Health): readonly Problem[] {
  return damageOf(health).map((text) => ({ level: 'critical', text }));
}

export function damageOf({ nodes, now }: Pick<Health, 'nodes' | 'now'>): readonly string[] {
  const finders = nodes.filter((node) => findsDamage(node) && isSeen(node, now));
  const who = finders.map(({ host, pid }) => `pid ${pid} on ${host}`).join(', ');
  if (finders.length === 0) return [];
  return [
    `the database is damaged, as ${who} found: mail may be refused (451 4.3.0) or lie still; see posthaste check, restore or recover the file, and restart`,
  ];
}

function workers({ counts, nodes, now }: Health): readonly Problem[] {
  if (isWorked(nodes, now)) return [];
  const absence = absenceOf(nodes, now);
  if (waiting(counts) === 0) return [{ level: 'warning', text: `${absence}: new mail will wait` }];
  return [
    { level: 'critical', text: `${absence}, and ${counted(waiting(counts), 'delivery waits', 'deliveries wait')}` },
  ];
}

/** A relay that failed is tried again only with mail: its faults stay when the mail has gone elsewhere, and stop nothing. */
export function isFailing(relay: RelayState, { waitedFor }: Pick<Health, 'waitedFor'>): boolean {
  return relay.faults > 0 && waitedFor.has(relay.relay);
}

function ofRelay(relay: RelayState, health: Health): readonly Problem[] {
  const { now } = health;
  if (relay.pausedAt !== null) {
    const by = relay.pausedBy === null ? '' : ` by ${relay.pausedBy}`;
    return [
      { level: 'warning', text: `relay ${relay.relay} has been paused${by} for ${elapsed(now - relay.pausedAt)}` },
    ];
  }
  if (!isFailing(relay, health)) return [];
  const since = now - (relay.faultSince ?? now);
  const last = relay.lastFault === null ? '' : `: ${showReply(relay.lastFault)}`;
  const level = since >= LONG_FAULT ? 'critical' : 'warning';
  return [
    {
      level,
      text: `relay ${relay.relay} has failed ${counted(relay.faults, 'time', 'times')} in ${elapsed(since)}${last}`,
    },
  ];
}

/** Mail that is due and not tried, where neither workers nor relays explain it. */
function late(health: Health): readonly Problem[] {
  const { counts, relays, nodes, now } = health;
  const explained =
    !isWorked(nodes, now) || relays.some((relay) => relay.pausedAt !== null || isFailing(relay, health));
  const age = counts.oldestDue === null ? 0 : now - counts.oldestDue;
  // Strict priority is what was asked for, so that it is no fault that others go first.
  if (explained || age < LATE || counts.overtaken?.since === counts.oldestDue) return [];
  return [
    {
      level: age < VERY_LATE ? 'warning' : 'critical',
      text: `mail has been due for ${elapsed(age)} and was not tried`,
    },
  ];
}

/** Everything is deferred: nothing is due for long, the relay has no fault, and nothing arrives. */
function inVain({ vain, now }: Health): readonly Problem[] {
  const long = vain.filter(({ since }) => now - since >= LONG_VAIN);
  return long.map((each) => {
    return { level: now - each.since < VERY_LATE ? 'warning' : 'critical', text: vainText(each, now) };
  });
}

/** The relay has deferred all mail for so long that people hear of it. */
export function longVainOf(relay: string, { vain, now }: Pick<Health, 'vain' | 'now'>): Vain | undefined {
  return vain.find((each) => each.relay === relay && now - each.since >= LONG_VAIN);
}

export function vainText({ relay, since, reply }: Vain, now: Instant): string {
  const last = reply === null ? '' : `: ${showReply(reply)}`;
  return `relay ${relay} has taken nothing for ${elapsed(now - since)}, and mail submitted since then is deferred again and again${last}`;
}

/** Starvation: where mail of a higher priority never ends, the rest never goes. */
function overtaken({ counts, now }: Health): readonly Problem[] {
  if (counts.overtaken === null || now - counts.overtaken.since < LATE) return [];
  const { relay, priority, since } = counts.overtaken;
  const text = `${priority}-priority mail for relay ${relay} has been due for ${elapsed(now - since)}, and mail of a higher priority overtook it`;
  return [{ level: 'warning', text }];
}

/** No mail waits for them, but somebody misses what they tell. */
function webhooks(health: Health): readonly Problem[] {
  return webhookTroubles(health).map(({ text }) => ({ level: 'warning', text }));
}

/** Those that are disabled, or have failed for long, with a name for each. */
export function webhookTroubles({
  webhooks,
  now,
}: Pick<Health, 'webhooks' | 'now'>): readonly { readonly name: string; readonly text: string }[] {
  return webhooks.flatMap(({ name, disabledAt, failingSince, lastFailure }) => {
    const last = lastFailure === null ? '' : `: ${lastFailure.error}`;
    if (disabledAt !== null)
      return [
        {
          name: `webhook-disabled:${name}`,
          text: `webhook ${name} is gone (410), and told nothing until it is enabled`,
        },
      ];
    if (failingSince === null || now - failingSince < LONG_FAULT) return [];
    return [
      { name: `webhook-failing:${name}`, text: `webhook ${name} has failed for ${elapsed(now - failingSince)}${last}` },
    ];
  });
}

function doubt({ counts }: Health): readonly Problem[] {
  if (counts.inDoubt === 0) return [];
  return [
    {
      level: 'warning',
      text: `${counted(counts.inDoubt, 'delivery is in doubt: it', 'deliveries are in doubt: they')} may have arrived, and may be sent twice`,
    },
  ];
}
