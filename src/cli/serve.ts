/** `posthaste serve`: takes mail and delivers it, until it is told to stop. */
import type { Command } from 'commander';
import { settingNames } from '../config/settings.ts';
import type { Cli } from './context.ts';
import { addExamples, addSettings } from './options.ts';
import { runServer } from './running.ts';

export function addServe(program: Command, cli: Cli): void {
  const command = program
    .command('serve')
    .description('Take mail over SMTP, keep it, and relay it. SIGTERM stops in order, a second one at once.');
  addSettings(command, settingNames);
  addExamples(command, 'serve', 'serve --relay smtp://user:password@relay.example.com:587 --listen 127.0.0.1:25');
  command.action(async () => {
    await runServer(await cli.program.createServer(await cli.settings(command), 'serve'));
  });
}
