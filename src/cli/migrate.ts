/** `posthaste migrate`: brings the database to this version, as every start does too. */
import type { Command } from 'commander';
import { maskUrl } from '../config/kinds.ts';
import type { Cli } from './context.ts';
import { addExamples, addSettings } from './options.ts';

export function addMigrate(program: Command, cli: Cli): void {
  const command = program
    .command('migrate')
    .description(
      'Make the database, or bring it to the version of this posthaste; serve and work do it by themselves.',
    );
  addSettings(command);
  addExamples(command, 'migrate --data-dir /var/lib/posthaste');
  command.action(() =>
    cli.withApp(command, (_, config) => cli.terminal.print(`${maskUrl(config.database)} is up to date`), {
      create: true,
    }),
  );
}
