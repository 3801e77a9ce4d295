/** `posthaste work`: delivers what others submit to the same database. */
import type { Command } from 'commander';
import { settingNames } from '../config/settings.ts';
import type { Cli } from './context.ts';
import { addExamples, addSettings } from './options.ts';
import { runServer } from './running.ts';

export function addWork(program: Command, cli: Cli): void {
  const command = program
    .command('work')
    .description('Deliver what waits, without taking mail; any number of workers may share a database.');
  command.option('--once', 'try all that is due once, then end: for cron');
  addSettings(command, settingNames);
  addExamples(command, 'work', 'work --once');
  command.action(async (flags: { once?: true }) => {
    const { config } = await cli.settings(command);
    if (flags.once === true) await cli.program.workOnce(config);
    else await runServer(await cli.program.createServer(config, 'work'));
  });
}
