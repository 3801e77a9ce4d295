/** `posthaste copy`: a queue with its history into another database. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { CopyReport } from '../app/copy.ts';
import { maskUrl } from '../config/kinds.ts';
import { elapsed } from '../runtime/elapsed.ts';
import { type Cli, SERVER_SECRETS } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { deliveries, humanCount } from './format.ts';
import { addExamples, addSettings } from './options.ts';

interface CopyFlags {
  readonly from?: string;
  readonly to?: string;
  readonly toFile?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

export function addCopy(program: Command, cli: Cli): void {
  const command = program
    .command('copy')
    .description(
      'Copy the whole queue with its history into an empty database of any engine, while nobody works on either. ' +
        'A copy that was broken off goes on when it is run again.',
    );
  command.option('--from <url>', 'the database to copy, as sqlite:PATH (default: the one of the settings)');
  command.option('--to <url>', 'the empty database, or the same unfinished copy');
  command.option('--to-file <path>', 'a file with that URL, so that no list of processes shows a password');
  command.option('--dry-run', 'write nothing, tell only what it would be');
  command.option('--json', 'one JSON object: command, dryRun, counts, and the SHA-256 of all as digest');
  addSettings(command);
  addExamples(
    command,
    'copy --from sqlite:/var/lib/posthaste/posthaste.db --to postgres://posthaste@db.example.com/posthaste',
    'copy --to-file /run/secrets/new-database --dry-run',
  );
  command.action((flags: CopyFlags) => copy(cli, command, flags));
}

async function copy(cli: Cli, command: Command, flags: CopyFlags): Promise<void> {
  const to = targetOf(flags);
  const from = flags.from ?? (await cli.settings(command, SERVER_SECRETS)).config.database;
  const dryRun = flags.dryRun === true;
  const bar = new Bar(cli);
  const report = await cli.program
    .copyQueue({ from, to, dryRun, onProgress: (progress) => bar.show(progress) })
    .finally(() => cli.terminal.progress(''));
  if (flags.json === true) return cli.terminal.printJson({ command: 'copy', dryRun, ...report });
  await cli.terminal.print(dryRun ? `would copy ${amount(report)}` : `copied and verified ${amount(report)}`);
  if (!dryRun) for (const line of notes(report, maskUrl(from), maskUrl(to))) await cli.terminal.print(line);
}

function targetOf({ to, toFile }: CopyFlags): string {
  if ((to === undefined) === (toFile === undefined))
    throw new Failure('copy needs --to URL or --to-file PATH', EXIT.usage);
  if (toFile === undefined) return to as string;
  try {
    return readFileSync(toFile, 'utf8').trim();
  } catch (error) {
    throw new Failure(`--to-file ${toFile} cannot be read: ${(error as Error).message}`, EXIT.failure);
  }
}

function amount({ messages, states, attempts, suppressions, relays }: CopyReport): string {
  const count = Object.values(states).reduce((a, b) => a + b, 0);
  const parts = Object.entries(states).flatMap(([state, n]) => (n > 0 ? [`${n.toLocaleString('en')} ${state}`] : []));
  const each = parts.length > 0 ? ` (${parts.join(', ')})` : '';
  return [
    humanCount(messages, 'message'),
    `${deliveries(count)}${each}`,
    humanCount(attempts, 'attempt'),
    humanCount(suppressions, 'suppression'),
    humanCount(relays, 'relay'),
  ].join(', ');
}

function notes({ resumed, repaired, reclaimed, digest }: CopyReport, from: string, to: string): string[] {
  return [
    ...(resumed > 0 ? [`${humanCount(resumed, 'message')} had come with a run before`] : []),
    ...(repaired > 0 ? [`${humanCount(repaired, 'part')} had changed since, copied anew`] : []),
    ...(reclaimed > 0
      ? [`${deliveries(reclaimed)} were being sent by a process that is gone: queued, the attempt counted`]
      : []),
    `sha256 ${digest}`,
    `Now start posthaste with --database ${to}. ${from} still has the same mail: whoever starts on it sends that again.`,
  ];
}

/** Columns of the bar itself. */
const WIDTH = 24;

class Bar {
  readonly #cli: Cli;
  #phase: string | undefined;
  #begun = 0;
  #first = 0;

  constructor(cli: Cli) {
    this.#cli = cli;
  }

  show({ phase, done, total }: { readonly phase: string; readonly done: number; readonly total: number }): void {
    const now = this.#cli.now();
    if (phase !== this.#phase) [this.#phase, this.#begun, this.#first] = [phase, now, done];
    const part = total === 0 ? 1 : Math.min(1, done / total);
    const full = Math.round(part * WIDTH);
    const left = done > this.#first ? ((now - this.#begun) * (total - done)) / (done - this.#first) : 0;
    const rest = left >= 1_000 ? `, ${elapsed(left)} left` : '';
    this.#cli.terminal.progress(
      `${phase} [${'#'.repeat(full)}${' '.repeat(WIDTH - full)}] ${Math.floor(part * 100)} %, ${done.toLocaleString('en')} of ${humanCount(total, 'message')}${rest}`,
    );
  }
}
