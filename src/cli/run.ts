/** Runs a command line with the commands of `posthaste`. */
import { CommanderError } from 'commander';
import { buildProgram } from './commands.ts';
import { Cli } from './context.ts';
import { EXIT } from './failure.ts';
import { program } from './program.ts';

/** `folders`: where a configuration file is looked for. What is wrong with the line itself has been told when it returns. */
export async function runCommand(argv: readonly string[], folders?: readonly string[]): Promise<void> {
  try {
    await buildProgram(new Cli(program, undefined, folders)).parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  }
}
