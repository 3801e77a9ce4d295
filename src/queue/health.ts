/** What is wrong with the queue, in sentences: pure, from its sums, its relays and its workers. */
import { showReply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import { elapsed } from '../runtime/elapsed.ts';
import type { Counts, Node, RelayState } from './store.ts';
import { isWorked, lastSeen } from './why.ts';

export interface Problem {
  readonly level: 'warning' | 'critical';
  readonly text: string;
}

export interface Health {
  readonly counts: Counts;
  readonly relays: readonly RelayState[];
  /** Of the relays with faults, those for which deliveries are queued or being sent. */
  readonly waitedFor: ReadonlySet<string>;
  /** Also those that were not seen lately. */
  readonly nodes: readonly Node[];
  readonly now: Instant;
}

const MINUTE = 60_000;
/** Faults that last longer than a restart of the relay. */
const LONG_FAULT = 15 * MINUTE;
/** A queue that is worked on tries what is due within seconds. */
const LATE = 5 * MINUTE;
const VERY_LATE = 60 * MINUTE;

/** The worst first. Nobody may have to read between lines that mail waits and nothing happens. */
export function problemsOf(health: Health): readonly Problem[] {
  const problems = [
    ...workers(health),
    ...health.relays.flatMap((relay) => ofRelay(relay, health)),
    ...late(health),
    ...doubt(health),
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

function workers({ counts, nodes, now }: Health): readonly Problem[] {
  if (isWorked(nodes, now)) return [];
  const seen = lastSeen(nodes);
  const absence = `no worker has been seen${seen === null ? '' : ` for ${elapsed(now - seen)}`}`;
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
  if (explained || age < LATE) return [];
  return [
    { level: age < VERY_LATE ? 'warning' : 'critical', text: `mail is due for ${elapsed(age)} and has not been tried` },
  ];
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
