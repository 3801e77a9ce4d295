/** `posthaste suppress import`: a list of addresses and domains from CSV. */
import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { COLUMNS, type ImportReport } from '../queue/suppression-csv.ts';
import type { App, Cli } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { entries, humanCount } from './format.ts';
import { addExamples, addSettings } from './options.ts';

interface ImportFlags {
  readonly dryRun?: true;
  readonly json?: true;
}

export function addImport(group: Command, cli: Cli): void {
  const command = group
    .command('import')
    .argument('[file]', 'CSV with a header (default: standard input)')
    .description(
      `Add the entries of a CSV file with a header: ${COLUMNS.join(', ')}, of which only target (or email, address) is needed. Lines that are no entry are named and left out; the exit code is then 1.`,
    );
  command.option('--dry-run', 'change nothing, tell only what is wrong and how many it would be');
  command.option('--json', 'one JSON object: command, count, refused, dryRun');
  addSettings(command);
  addExamples(command, 'suppress import suppressions.csv --dry-run', 'suppress import suppressions.csv');
  command.action((file: string | undefined, flags: ImportFlags) =>
    cli.withApp(command, (app) => importAll(cli, app, file, flags), { create: true }),
  );
}

async function importAll(cli: Cli, { operator }: App, file: string | undefined, flags: ImportFlags): Promise<void> {
  const report = await operator.importSuppressions(chunksOf(file), {
    source: file ?? 'standard input',
    now: cli.now(),
    dryRun: flags.dryRun,
    progress: (count) => cli.terminal.progress(entries(count)),
  });
  cli.terminal.progress('');
  await tell(cli, report, flags);
}

async function tell(cli: Cli, { count, refused, faults }: ImportReport, flags: ImportFlags): Promise<void> {
  const dryRun = flags.dryRun === true;
  for (const { line, fault } of faults) cli.terminal.note(`posthaste: line ${line}: ${fault}`);
  if (refused > faults.length) cli.terminal.note(`posthaste: and ${humanCount(refused - faults.length, 'line')} more`);
  if (refused > 0) process.exitCode = EXIT.failure;
  if (flags.json === true) return cli.terminal.printJson({ command: 'suppress import', count, refused, dryRun });
  const left = refused === 0 ? '' : `, ${humanCount(refused, 'line')} left out`;
  await cli.terminal.print(`${entries(count)} ${dryRun ? 'would be ' : ''}imported${left}`);
}

async function* chunksOf(file: string | undefined): AsyncGenerator<Uint8Array, void> {
  try {
    yield* file === undefined || file === '-' ? process.stdin : createReadStream(file);
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error), EXIT.failure);
  }
}
