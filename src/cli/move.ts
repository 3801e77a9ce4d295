/** What retry, hold, release, cancel and reroute have in common: an operator's move of the deliveries that ids or a filter name. */
import type { Command } from 'commander';
import { ENDED, type State } from '../queue/delivery.ts';
import type { Manner } from '../queue/operator.ts';
import type { Filter } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { App, Cli } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { deliveries } from './format.ts';
import { findId, ID_HELP } from './ids.ts';
import {
  addExamples,
  addFilter,
  addQuiet,
  addReason,
  addSettings,
  type FilterFlags,
  filterOf,
  statesOf,
} from './options.ts';

export interface Move {
  readonly name: string;
  /** `held`: what the deliveries are then. */
  readonly done: string;
  /** In which states a filter looks by itself. */
  readonly states: readonly State[];
  /** In which states a message is moved that was named by its id: whoever names it means it. */
  readonly statesById: readonly State[];
  /** Deliveries in these states may be chosen by a filter where nobody can be asked: the move does what would have come by itself. */
  readonly harmlessIn?: readonly State[];
  /** What it moves does not go out any more, so that what it leaves is of interest. */
  readonly stops?: true;
  /** What may be the cause where the state is not. */
  readonly hint?: string;
  readonly run: (app: App, filter: Filter, manner: Manner) => Promise<number>;
}

/** A move that is a command with nothing of its own. */
export interface PlainMove extends Move {
  readonly description: string;
  readonly example: string;
}

export interface MoveFlags extends FilterFlags {
  readonly all?: true;
  readonly yes?: true;
  readonly dryRun?: true;
  readonly reason?: string;
  readonly json?: true;
  readonly quiet?: true;
}

export function addMove(program: Command, cli: Cli, move: PlainMove): void {
  const command = program.command(move.name).argument('[id...]', ID_HELP).description(move.description);
  addChoice(command, move.name === 'release' ? null : move.states.join(', '));
  addSettings(command);
  addExamples(command, `${move.name} 0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11`, move.example);
  command.action((ids: readonly string[], flags: MoveFlags) =>
    cli.withApp(command, (app) => moveChosen(cli, app, move, ids, flags)),
  );
}

/** Adds the options that choose deliveries for a move. */
export function addChoice(command: Command, states: string | null): void {
  addFilter(command, states);
  command.option('--all', 'all of them').option('--yes', 'do not ask');
  command.option('--dry-run', 'change nothing, tell only how many it would be');
  command.option('--json', 'one JSON object: command, count of deliveries, dryRun');
  addReason(command);
  addQuiet(command);
}

/** Moves what ids or flags name, and tells how much that was. */
export async function moveChosen(
  cli: Cli,
  app: App,
  move: Move,
  texts: readonly string[],
  flags: MoveFlags,
): Promise<void> {
  if (texts.length === 0) return moveSome(cli, app, move, flags);
  const ids: Id[] = [];
  for (const text of texts) ids.push(await findId(app.queue, text));
  await moveIds(cli, app, move, ids, flags);
}

async function moveIds(cli: Cli, app: App, move: Move, ids: readonly Id[], flags: MoveFlags): Promise<void> {
  const filter = { states: statesOf(flags, move.statesById), ...filterOf(flags, cli.now()), ids };
  const moved = await move.run(app, filter, flags);
  if (moved === 0) throw new Failure(await whyNone(app, move, ids), EXIT.failure);
  await tell(cli, move, moved, flags);
}

/** Deliveries that a filter chose are counted first and asked for: nobody should cancel a queue by a slip. */
async function moveSome(cli: Cli, app: App, move: Move, flags: MoveFlags): Promise<void> {
  const chosen = filterOf(flags, cli.now());
  if (flags.all !== true && flags.state === undefined && Object.keys(chosen).length === 0) {
    throw new Failure(`${move.name} needs ids, a filter such as --recipient, or --all`, EXIT.usage);
  }
  const states = statesOf(flags, move.states);
  if (!states.some((state) => move.statesById.includes(state))) throw new Failure(neverMoves(move, states), EXIT.usage);
  const filter: Filter = { states, ...chosen };
  if (flags.dryRun === true) return tell(cli, move, await move.run(app, filter, { dryRun: true }), flags);
  const asks = flags.yes !== true && (cli.terminal.interactive || !isHarmless(move, states));
  if (asks && !cli.terminal.interactive) {
    throw new Failure(`${move.name} with a filter asks first, and nobody is there to answer: add --yes`, EXIT.usage);
  }
  const agreed = asks ? await agree(cli, app, move, { ...asOf(states, cli.now()), ...filter }) : filter;
  if (agreed === undefined) return tell(cli, move, 0, flags);
  await tell(cli, move, await move.run(app, agreed, { reason: flags.reason }), flags);
  if (flags.json !== true && flags.quiet !== true) await tellLeft(cli, app, move, chosen);
}

/**
 * What was counted is what is moved at most, also where mail came while somebody thought. What waits is tried meanwhile and still meant; to
 * other states deliveries come only by what happened since.
 */
function asOf(states: readonly State[], now: Instant): Filter {
  return states.includes('queued') ? { createdBefore: now } : { changedBefore: now };
}

/** Answers with what was agreed to; undefined: it is nothing. */
async function agree({ terminal }: Cli, app: App, move: Move, filter: Filter): Promise<Filter | undefined> {
  const count = await move.run(app, filter, { dryRun: true });
  if (count === 0) return undefined;
  if (await terminal.confirm(`${move.name} ${deliveries(count)}?`)) return filter;
  throw new Failure('nothing was changed', EXIT.failure);
}

/** Whoever stops mail wants to know what goes out all the same. */
async function tellLeft({ terminal }: Cli, app: App, move: Move, chosen: Filter): Promise<void> {
  if (move.stops !== true || chosen.states !== undefined) return;
  const left = await app.store.count({ ...chosen, states: ['sending'] });
  if (left === 0) return;
  const are = left === 1 ? 'is' : 'are';
  await terminal.print(
    `${deliveries(left)} more ${are} with workers and ${are} left to them: posthaste pause --all stops what they have not begun`,
  );
}

async function tell({ terminal }: Cli, move: Move, count: number, flags: MoveFlags): Promise<void> {
  const dryRun = flags.dryRun === true;
  if (flags.json === true) return terminal.printJson({ command: move.name, count, dryRun });
  if (flags.quiet === true && !dryRun) return;
  if (count === 0) return terminal.print(`no deliveries to ${move.name}`);
  await terminal.print(`${deliveries(count)} ${dryRun ? 'would be ' : ''}${move.done}`);
}

/** `retry --state sent`: to send again what a relay has taken would be a second message, not a retry. */
function neverMoves(move: Move, states: readonly State[]): string {
  const allowed = move.statesById.join(', ');
  return `what is ${states.join(' or ')} cannot be ${move.done}: ${move.name} is for what is ${allowed}`;
}

function isHarmless({ harmlessIn = [] }: Move, states: readonly State[]): boolean {
  return states.every((state) => harmlessIn.includes(state));
}

async function whyNone(app: App, move: Move, ids: readonly Id[]): Promise<string> {
  const lines = ids.map(async (id) => {
    const states = new Set((await app.queue.get(id))?.deliveries.map((delivery) => delivery.state));
    const end = [...states].every((state) => ENDED.includes(state)) ? '' : ' now';
    return `${id} cannot be ${move.done}: it is ${[...states].join(', ')}${end}${move.hint ?? ''}`;
  });
  return (await Promise.all(lines)).join('\n');
}
