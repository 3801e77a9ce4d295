/** `posthaste work`: delivers what others submit to the same database. */
import type { Command } from 'commander';
import type { Loaded } from '../config/load.ts';
import { settingNames } from '../config/settings.ts';
import type { Cli } from './context.ts';
import { EXIT } from './failure.ts';
import { addExamples, addSettings } from './options.ts';
import { runServer } from './running.ts';

export function addWork(program: Command, cli: Cli): void {
  const command = program
    .command('work')
    .description('Deliver what waits, without taking mail; any number of workers may share a database.');
  command.option('--once', 'try all that is due once, then end: for cron, so quiet that only errors are logged');
  command.option('--no-lock', 'with --once: take no lock, whatever lockPath says');
  addSettings(command, settingNames);
  addExamples(command, 'work', 'work --once', 'work --once --max-batch 500 --max-deferred 20 --throttle 200ms');
  command.action(async (flags: WorkFlags) => {
    const loaded = await cli.settings(command);
    if (flags.once === true) await once(cli, loaded, flags);
    else await runServer(await cli.program.createServer(loaded, 'work'));
  });
}

interface WorkFlags {
  readonly once?: true;
  readonly lock: boolean;
}

async function once(cli: Cli, { config, origins }: Loaded, { lock }: WorkFlags): Promise<void> {
  const ran = await cli.program.workOnce({
    ...config,
    // Cron sends a mail for every line that is written.
    ...(origins.logLevel === 'default' && { logLevel: 'error' }),
    ...(!lock && { lockPath: null }),
  });
  if (!ran) process.exitCode = EXIT.tryAgain;
}
