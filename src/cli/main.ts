/** Where the program begins: by its name it is posthaste, sendmail, mailq or newaliases. Says how a command ended. */
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SYSTEM_FOLDER } from '../config/read.ts';
import { EXIT, exitCodeOf, tellFailure } from './failure.ts';
import { parseSendmailLine, type SendmailLine } from './sendmail-options.ts';

/** Runs the command line of this process. Sets its exit code, and ends it by letting go. */
export async function main(argv: readonly string[] = process.argv): Promise<void> {
  process.stdout.on('error', endUnheard);
  quietWarnings();
  try {
    await begin(argv);
  } catch (error) {
    process.stderr.write(tellFailure(error, process.env.POSTHASTE_DEBUG === '1'));
    process.exitCode = exitCodeOf(error);
  }
}

/** Programs wait for sendmail: it starts without all the other commands. */
async function begin(argv: readonly string[]): Promise<void> {
  const line = sendmailLine(basename(argv[1] ?? ''), argv.slice(2));
  if (line === undefined) await (await import('./run.ts')).runCommand(argv);
  else if (line.mode !== 'queue') await (await import('./sendmail.ts')).sendmail(line);
  else await (await import('./run.ts')).runCommand(['node', 'posthaste', 'mailq'], [SYSTEM_FOLDER]);
}

/** What sendmail(1) is asked by this name; undefined: another command is meant. */
function sendmailLine(name: string, args: readonly string[]): SendmailLine | undefined {
  if (name === 'sendmail') return parseSendmailLine(args);
  if (name === 'mailq') return parseSendmailLine(['-bp']);
  if (name === 'newaliases') return parseSendmailLine(['-bi']);
  return args[0] === 'sendmail' && args[1] !== '--help' ? parseSendmailLine(args.slice(1)) : undefined;
}

/** `posthaste list | head`: the reader has enough, and so have we. On a full disk nobody may take a part for the whole. */
function endUnheard(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(EXIT.fine);
  process.stderr.write(tellFailure(`standard output cannot be written: ${error.message}`, false));
  process.exit(EXIT.failure);
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
