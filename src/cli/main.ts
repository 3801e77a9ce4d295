/** The command `posthaste`: runs what was asked for, and says how it ended. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import { buildProgram } from './commands.ts';
import { Cli } from './context.ts';
import { EXIT, exitCodeOf, tellFailure } from './failure.ts';
import { program } from './program.ts';

/** Runs the command line of this process. Sets its exit code, and ends it by letting go. */
export async function main(argv: readonly string[] = process.argv): Promise<void> {
  process.stdout.on('error', endQuietly);
  quietWarnings();
  try {
    await buildProgram(new Cli(program)).parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage;
      return;
    }
    process.stderr.write(tellFailure(error, process.env.POSTHASTE_DEBUG === '1'));
    process.exitCode = exitCodeOf(error);
  }
}

/** `posthaste list | head`: the reader has enough, and so have we. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(EXIT.fine);
  throw error;
}

/** Node warns when posthaste.config.ts lies in a package without "type": that costs a millisecond, and is nobody's mistake. */
function quietWarnings(): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning: NodeJS.ErrnoException) => {
    if (warning.code !== 'MODULE_TYPELESS_PACKAGE_JSON')
      process.stderr.write(`posthaste: ${warning.name}: ${warning.message}\n`);
  });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
