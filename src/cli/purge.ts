/** `posthaste purge`: forgets messages that have ended. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Config, settings } from '../config/settings.ts';
import { ENDED } from '../queue/delivery.ts';
import type { Filter } from '../queue/store.ts';
import type { App, Cli } from './context.ts';
import { humanCount } from './format.ts';
import { addExamples, addQuiet, addSettings, parseAge, QUEUE_SETTINGS } from './options.ts';

const RETAINED = {
  sent: 'retainSent',
  captured: 'retainCaptured',
  bounced: 'retainBounced',
  suppressed: 'retainBounced',
  cancelled: 'retainCancelled',
} as const satisfies Record<string, keyof typeof settings>;
type Result = keyof typeof RETAINED;

/** `bounced` is also what was suppressed: a message of both kinds is of no other result. */
const FILTERS: Readonly<Record<Result, Pick<Filter, 'states' | 'reason'>>> = {
  sent: { states: ['sent'] },
  captured: { states: ['captured'] },
  bounced: { states: ['bounced'] },
  suppressed: { states: ['bounced'], reason: 'suppressed' },
  cancelled: { states: ['cancelled'] },
};
/** In this order each message is counted where it is looked for first. */
const RESULTS: readonly Result[] = ['sent', 'captured', 'suppressed', 'bounced', 'cancelled'];

interface PurgeFlags {
  readonly olderThan?: number;
  readonly result: Result | 'all';
  readonly dryRun?: true;
  readonly json?: true;
  readonly quiet?: true;
}

/** Messages in one transaction, so that no writer waits long. */
const BATCH = 500;

export function addPurge(program: Command, cli: Cli): void {
  const command = program
    .command('purge')
    .description(
      'Forget messages all of whose deliveries have ended; a running server does it by itself after the ages set.',
    );
  command.addOption(
    new Option('--result <result>', 'which end all their deliveries came to; bounced is also suppressed')
      .choices([...Object.keys(RETAINED), 'all'])
      .default('all'),
  );
  command.option(
    '--older-than <duration>',
    'ended longer ago than this, as 7d (default: as set by retain-sent and the like)',
    parseAge,
  );
  command.option('--dry-run', 'forget nothing, tell only how many it would be');
  command.option('--json', 'one JSON object: command, count of messages, dryRun, results with the count of each');
  addQuiet(command);
  addSettings(command, [...QUEUE_SETTINGS, ...new Set(Object.values(RETAINED))]);
  addExamples(
    command,
    'purge --older-than 7d --result sent --quiet',
    'purge --older-than 0 --result captured --dry-run',
  );
  command.action((flags: PurgeFlags) => cli.withApp(command, (app, config) => purge(cli, app, config, flags)));
}

async function purge(cli: Cli, app: App, config: Config, flags: PurgeFlags): Promise<void> {
  const dryRun = flags.dryRun === true;
  const results = flags.result === 'all' ? RESULTS : [flags.result];
  const ageOf = (result: Result): number | null => flags.olderThan ?? config[RETAINED[result]];
  const deed = { action: 'purge' as const, what: { result: flags.result, olderThan: flags.olderThan } };
  const counts = await (dryRun
    ? countAll(cli, app, results, ageOf)
    : app.operator.act(deed, () => purgeEach(cli, app, results, ageOf), totalOf));
  cli.terminal.progress('');
  const parts = Object.entries(counts).map(([result, count]) => `${count} ${result}`);
  const total = totalOf(counts);
  if (flags.json === true) return cli.terminal.printJson({ command: 'purge', count: total, dryRun, results: counts });
  if (flags.quiet === true && !dryRun) return;
  await cli.terminal.print(
    `${humanCount(total, 'message')} ${dryRun ? 'would be ' : ''}purged${parts.length > 1 && total > 0 ? ` (${parts.join(', ')})` : ''}`,
  );
}

type Ages = (result: Result) => number | null;
type Sums = Partial<Record<Result | 'mixed', number>>;

function totalOf(counts: Sums): number {
  return Object.values(counts).reduce((a, b) => a + b, 0);
}

/** What came to several ends is kept as long as the one of them that is kept longest; null: not purged, or for good. */
function mixedAge(results: readonly Result[], ageOf: Ages): number | null {
  const ages = RESULTS.map(ageOf).filter((age) => age !== null);
  return results === RESULTS && ages.length === RESULTS.length ? Math.max(...ages) : null;
}

async function purgeEach(cli: Cli, app: App, results: readonly Result[], ageOf: Ages): Promise<Sums> {
  const counts: Sums = {};
  for (const result of results) {
    const age = ageOf(result);
    if (age !== null) counts[result] = await purgeAll(cli, app, result, FILTERS[result], age);
  }
  const age = mixedAge(results, ageOf);
  const mixed = age === null ? 0 : await purgeAll(cli, app, 'mixed', { states: ENDED }, age);
  return mixed > 0 ? { ...counts, mixed } : counts;
}

/** The same sums with nothing gone: each result holds also what a real purge would have taken before it. */
async function countAll(cli: Cli, { store }: App, results: readonly Result[], ageOf: Ages): Promise<Sums> {
  const now = cli.now();
  const countOf = (filter: Pick<Filter, 'states' | 'reason'>, age: number): Promise<number> =>
    store.purgeable({ ...filter, changedBefore: now - age });
  const counted = async (result: Result, age: number): Promise<number> => {
    const all = await countOf(FILTERS[result], age);
    return result === 'bounced' && results === RESULTS ? all - (await countOf(FILTERS.suppressed, age)) : all;
  };
  const counts: Sums = {};
  for (const result of results) {
    const age = ageOf(result);
    if (age !== null) counts[result] = await counted(result, age);
  }
  const age = mixedAge(results, ageOf);
  if (age === null) return counts;
  const single = await Promise.all(RESULTS.map((result) => counted(result, age)));
  const mixed = (await countOf({ states: ENDED }, age)) - single.reduce((a, b) => a + b, 0);
  return mixed > 0 ? { ...counts, mixed } : counts;
}

async function purgeAll(
  cli: Cli,
  app: App,
  name: string,
  filter: Pick<Filter, 'states' | 'reason'>,
  age: number,
): Promise<number> {
  const changedBefore = cli.now() - age;
  let count = 0;
  for (;;) {
    const purged = await app.store.purge({ ...filter, changedBefore }, BATCH);
    count += purged;
    cli.terminal.progress(`${humanCount(count, `${name} message`)} purged`);
    if (purged < BATCH) return count;
  }
}
