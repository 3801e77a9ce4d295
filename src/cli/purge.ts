/** `posthaste purge`: forgets messages that have ended. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Config, settings } from '../config/settings.ts';
import type { State } from '../queue/delivery.ts';
import type { App, Cli } from './context.ts';
import { humanCount } from './format.ts';
import { addExamples, addSettings, parseAge, QUEUE_SETTINGS } from './options.ts';

const RESULTS = ['sent', 'captured', 'bounced', 'cancelled'] as const satisfies readonly State[];
type Result = (typeof RESULTS)[number];

const RETAINED = {
  sent: 'retainSent',
  captured: 'retainCaptured',
  bounced: 'retainBounced',
  cancelled: 'retainCancelled',
} as const satisfies Record<Result, keyof typeof settings>;

interface PurgeFlags {
  readonly olderThan?: number;
  readonly result: Result | 'all';
  readonly json?: true;
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
    new Option('--result <result>', 'which end they came to').choices([...RESULTS, 'all']).default('all'),
  );
  command.option(
    '--older-than <duration>',
    'ended longer ago than this, as 7d (default: as set by retain-sent and the like)',
    parseAge,
  );
  command.option('--json', 'one JSON object: command, count of messages, results with the count of each');
  addSettings(command, [...QUEUE_SETTINGS, ...Object.values(RETAINED)]);
  addExamples(command, 'purge --older-than 7d --result sent', 'purge --older-than 0 --result captured');
  command.action((flags: PurgeFlags) => cli.withApp(command, (app, config) => purge(cli, app, config, flags)));
}

async function purge(cli: Cli, app: App, config: Config, flags: PurgeFlags): Promise<void> {
  const counts: Partial<Record<Result, number>> = {};
  for (const result of flags.result === 'all' ? RESULTS : [flags.result]) {
    const age = flags.olderThan ?? config[RETAINED[result]];
    if (age !== null) counts[result] = await purgeResult(cli, app, result, cli.now() - age);
  }
  cli.terminal.progress('');
  const parts = Object.entries(counts).map(([result, count]) => `${count} ${result}`);
  const total = Object.values(counts).reduce((a, b) => a + b, 0);
  if (flags.json === true) return cli.terminal.printJson({ command: 'purge', count: total, results: counts });
  await cli.terminal.print(
    `${humanCount(total, 'message')} purged${parts.length > 1 && total > 0 ? ` (${parts.join(', ')})` : ''}`,
  );
}

async function purgeResult(cli: Cli, app: App, result: Result, changedBefore: number): Promise<number> {
  let count = 0;
  for (;;) {
    const purged = await app.store.purge({ states: [result], changedBefore }, BATCH);
    count += purged;
    cli.terminal.progress(`${humanCount(count, `${result} message`)} purged`);
    if (purged < BATCH) return count;
  }
}
