/** `posthaste status`: what waits, what is wrong, and an exit code for monitors. */
import type { Command } from 'commander';
import { printable, showReply } from '../mail/reply.ts';
import { type Health, isFailing, longVainOf, type Problem, problemsOf, severity } from '../queue/health.ts';
import { Overview } from '../queue/overview.ts';
import type { Pace } from '../queue/pace.ts';
import type { Node, RelayState } from '../queue/relay-store.ts';
import { replyView } from '../queue/view.ts';
import { isOnce, isTaker, isWorked } from '../queue/why.ts';
import type { Instant } from '../runtime/clock.ts';
import { elapsed, relative } from '../runtime/elapsed.ts';
import type { Cli } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { humanCount } from './format.ts';
import { addExamples, addSettings, QUEUE_SETTINGS } from './options.ts';

const LEVELS = ['fine', 'warning', 'critical'] as const;

export function addStatus(program: Command, cli: Cli): void {
  const command = program
    .command('status')
    .description('Tell what waits and what is wrong. Exit code: 0 fine, 1 warning, 2 critical or out of reach.');
  command.option('--json', 'one JSON object; times are milliseconds since 1970 (UTC)');
  addSettings(command, [...QUEUE_SETTINGS, 'minFreeSpace']);
  addExamples(command, 'status', 'status --json');
  command.action(async (flags: { json?: true }) => {
    const health = await reach(cli, command);
    const problems = [...(health.noRoom === null ? [] : [noRoom(health.noRoom)]), ...problemsOf(health)];
    if (flags.json === true) await cli.terminal.printJson(statusJson(health, problems));
    else await statusForPeople(cli, health, problems);
    process.exitCode = severity(problems);
  });
}

/** With the relays that the settings name. */
interface Seen extends Health {
  readonly names: readonly string[];
  readonly noRoom: string | null;
}

function noRoom(text: string): Problem {
  return { level: 'critical', text };
}

async function reach(cli: Cli, command: Command): Promise<Seen> {
  try {
    return await cli.withApp(command, async (app, config) => ({
      ...(await new Overview(app.store, cli).health()),
      names: Object.keys(config.relays),
      noRoom: await cli.program.spaceProblem(config),
    }));
  } catch (error) {
    if (error instanceof Failure && error.exitCode === EXIT.config) throw error;
    throw new Failure(error instanceof Error ? error.message : String(error), EXIT.critical, { cause: error });
  }
}

async function statusForPeople({ terminal }: Cli, health: Seen, problems: readonly Problem[]): Promise<void> {
  const { counts, relays, names, nodes, now } = health;
  const { queued, sending, held, sent, captured, bounced, cancelled } = counts.states;
  for (const { level, text } of problems)
    await terminal.print(`${terminal.paint(level === 'critical' ? 'red' : 'yellow', level.toUpperCase())}: ${text}`);
  if (problems.length === 0) await terminal.print(terminal.paint('green', 'fine'));
  const oldest = counts.oldestDue === null ? '' : `, the oldest due for ${elapsed(now - counts.oldestDue)}`;
  await terminal.print(
    `waiting    ${queued} (${counts.deferred} deferred${oldest}), ${sending} being sent, ${held} held, ${counts.inDoubt} in doubt`,
  );
  await terminal.print(`ended      ${sent} sent, ${captured} captured, ${bounced} bounced, ${cancelled} cancelled`);
  if (counts.lostReports > 0)
    await terminal.print(
      `reports    ${counts.lostReports} could not be delivered in the last day: posthaste list --reports --state bounced`,
    );
  const healthy = names.filter((name) => relays.every(({ relay }) => relay !== name));
  for (const relay of relays) await terminal.print(`relay      ${printable(relay.relay)}: ${standing(relay, health)}`);
  for (const name of healthy) await terminal.print(`relay      ${name}: fine`);
  for (const node of nodes) {
    const kind = isTaker(node) ? 'listener  ' : 'worker    ';
    const life = lifeOf(node, now);
    await terminal.print(`${kind} ${printable(node.host)} pid ${node.pid} (${printable(node.role)}): ${life}`);
  }
}

function lifeOf(node: Node, now: Instant): string {
  if (isWorked([node], now) && !isOnce(node)) return `runs for ${elapsed(now - node.startedAt)}`;
  return `${node.gone === true ? 'gone, ' : ''}last seen ${relative(node.seenAt, now)}`;
}

function standing(relay: RelayState, health: Health): string {
  const { now } = health;
  if (relay.pausedAt !== null) {
    const by = relay.pausedBy === null ? '' : ` by ${printable(relay.pausedBy)}`;
    return `paused${by} ${relative(relay.pausedAt, now)}`;
  }
  if (relay.faults > 0) {
    const since = relay.faultSince === null ? '' : ` in ${elapsed(now - relay.faultSince)}`;
    if (!isFailing(relay, health)) return `${humanCount(relay.faults, 'fault')}${since}, and nothing waits for it`;
    const probe =
      relay.probeAt === null ? '' : `, next try ${relay.probeAt <= now ? 'now' : relative(relay.probeAt, now)}`;
    return `${humanCount(relay.faults, 'fault')}${since}${probe}`;
  }
  const vain = longVainOf(relay.relay, health);
  if (vain !== undefined) return `has taken no mail for ${elapsed(now - vain.since)}, all of it is deferred`;
  const until = relay.limitedUntil;
  if (until !== null && until > now) return `at its rate limit, goes on ${relative(until, now)}`;
  return relay.pace === null ? 'fine' : slowness(relay.pace, now);
}

function slowness({ connections, restUntil, slowedAt, reply }: Pace, now: Instant): string {
  const rest = restUntil !== null && restUntil > now ? `, goes on ${relative(restUntil, now)}` : '';
  return `slowed down to ${humanCount(connections, 'connection')} ${relative(slowedAt, now)}${rest} (${showReply(reply)})`;
}

function statusJson(
  { counts, relays, nodes, now }: Health,
  problems: readonly Problem[],
): Readonly<Record<string, unknown>> {
  return {
    level: LEVELS[severity(problems)],
    problems,
    now,
    ...counts,
    relays: relays.map((relay) => ({
      ...relay,
      lastFault: replyView(relay.lastFault),
      pace: relay.pace === null ? null : { ...relay.pace, reply: replyView(relay.pace.reply) },
    })),
    nodes,
  };
}
