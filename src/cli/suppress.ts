/** `posthaste suppress`: addresses and domains to which nothing is sent. */
import { Command } from 'commander';
import { addressFault } from '../mail/address.ts';
import { printable } from '../mail/reply.ts';
import type { Suppression } from '../queue/store.ts';
import { entryFault, targetFault } from '../queue/suppression.ts';
import { suppressionsAsCsv } from '../queue/suppression-csv.ts';
import type { Instant } from '../runtime/clock.ts';
import type { App, Cli } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { entries } from './format.ts';
import { addExamples, addSettings, parseCount } from './options.ts';
import { addImport } from './suppress-import.ts';
import { table } from './table.ts';
import { parseWhen } from './times.ts';

/** As much as a person reads; programs get all. */
const HUMAN_LIMIT = 100;

export function addSuppress(program: Command, cli: Cli): void {
  const group = program
    .command('suppress')
    .description('Addresses and domains to which nothing is sent: look, add, remove, import, export.')
    .addHelpCommand(new Command('help').argument('[command]').description('Explain a command.'));
  addExamples(group, 'suppress add bob@example.com --reason complaint', 'suppress list');
  for (const add of [addAdd, addRemove, addList, addImport, addExport]) add(group, cli);
}

interface AddFlags {
  readonly reason?: string;
  readonly until?: string;
  readonly note?: string;
  readonly json?: true;
}

function addAdd(group: Command, cli: Cli): void {
  const command = group
    .command('add')
    .argument('<target...>', 'an address, or @domain for all of a domain')
    .description('Send nothing to these addresses and domains from now on; an entry that is there is replaced.');
  command.option('--reason <text>', 'why (default: asked)');
  command.option('--until <time>', 'until then only: 30d, 2027-01-31, 2027-01-31T12:00Z (default: for good)');
  command.option('--note <text>', 'for those who look');
  command.option('--json', 'one JSON object: command, count');
  addSettings(command);
  addExamples(
    command,
    'suppress add bob@example.com --reason complaint --note "called on Monday"',
    'suppress add @example.org --reason "domain is for sale" --until 90d',
  );
  command.action((targets: readonly string[], flags: AddFlags) =>
    cli.withApp(command, (app) => add(cli, app, targets, flags), { create: true }),
  );
}

async function add(cli: Cli, app: App, targets: readonly string[], flags: AddFlags): Promise<void> {
  const { reason, note } = flags;
  const until = untilOf(flags.until, cli.now());
  const all = targets.map((target) => ({ target, reason, until, note, since: cli.now() }));
  const faults = all.map(entryFault).filter((fault) => fault !== undefined);
  if (faults.length > 0) throw new Failure(faults.join('\n'), EXIT.failure);
  await app.operator.suppress(all);
  await tell(cli, 'add', all.length, 'suppressed', flags);
}

function untilOf(text: string | undefined, now: Instant): Instant | null {
  if (text === undefined) return null;
  const until = parseWhen(text, now);
  if (until === undefined || until <= now) {
    const fault = until === undefined ? 'is no time' : 'is over';
    throw new Failure(
      `--until ${JSON.stringify(text)} ${fault}: give 30d, 2027-01-31 or 2027-01-31T12:00Z`,
      EXIT.usage,
    );
  }
  return until;
}

function addRemove(group: Command, cli: Cli): void {
  const command = group
    .command('remove')
    .argument('<target...>', 'an address, or @domain, as list shows it')
    .description('Take entries out of the list; mail that ended because of them stays ended until it is retried.');
  command.option('--json', 'one JSON object: command, count of entries that were there');
  addSettings(command);
  addExamples(command, 'suppress remove bob@example.com');
  command.action((targets: readonly string[], flags: { json?: true }) =>
    cli.withApp(command, async (app) => {
      const faults = targets.flatMap((target) => {
        const fault = targetFault(target);
        return fault === undefined ? [] : [`${JSON.stringify(target)} ${fault}`];
      });
      if (faults.length > 0) throw new Failure(faults.join('\n'), EXIT.failure);
      const removed = await app.operator.unsuppress(targets);
      if (removed === 0) throw new Failure(`${targets.join(', ')}: not in the list`, EXIT.failure);
      await tell(cli, 'remove', removed, 'removed', flags);
    }),
  );
}

async function tell(
  { terminal }: Cli,
  name: string,
  count: number,
  done: string,
  { json }: { readonly json?: true },
): Promise<void> {
  if (json === true) return terminal.printJson({ command: `suppress ${name}`, count });
  await terminal.print(`${entries(count)} ${done}`);
}

interface ListFlags {
  readonly limit?: number;
  readonly json?: true;
}

function addList(group: Command, cli: Cli): void {
  const command = group
    .command('list')
    .argument('[address]', 'only what keeps mail from this address now')
    .description('List the entries in the order of their targets.');
  command.option('--limit <number>', `at most so many (default: ${HUMAN_LIMIT}, with --json all)`, parseCount);
  command.option('--json', 'one JSON object a line for each entry; times are milliseconds since 1970 (UTC)');
  addSettings(command);
  addExamples(command, 'suppress list', 'suppress list bob@example.com', 'suppress list --json');
  command.action((address: string | undefined, flags: ListFlags) =>
    cli.withApp(command, (app) => list(cli, app, address, flags)),
  );
}

async function list(cli: Cli, app: App, address: string | undefined, flags: ListFlags): Promise<void> {
  const json = flags.json === true;
  const limit = flags.limit ?? (json ? Number.POSITIVE_INFINITY : HUMAN_LIMIT);
  const rows: Suppression[] = [];
  let count = 0;
  for await (const entry of chosen(app, address)) {
    if (++count > limit) break;
    if (json) await cli.terminal.printJson(entry);
    else rows.push(entry);
  }
  if (!json) await listForPeople(cli, rows, count > limit);
}

async function* chosen({ queue }: App, address: string | undefined): AsyncGenerator<Suppression, void> {
  if (address === undefined) return yield* queue.suppressions();
  const fault = addressFault(address);
  if (fault !== undefined) throw new Failure(`${JSON.stringify(address)} is no address: it ${fault}`, EXIT.failure);
  const entry = await queue.suppression(address);
  if (entry !== null) yield entry;
}

async function listForPeople({ terminal, now }: Cli, rows: readonly Suppression[], more: boolean): Promise<void> {
  if (rows.length === 0) return terminal.print('no entries');
  const columns = [
    { title: 'TARGET', value: (row: Suppression) => printable(row.target) },
    { title: 'SINCE', value: (row: Suppression) => day(row.since) },
    { title: 'UNTIL', value: (row: Suppression) => untilWord(row.until, now()) },
    { title: 'REASON', value: (row: Suppression) => printable(row.reason), least: 10 },
    { title: 'NOTE', value: (row: Suppression) => printable(row.note ?? ''), least: 10, drop: 1 },
  ];
  const [titles = '', ...lines] = table(columns, rows, terminal.width);
  await terminal.print(terminal.paint('bold', titles));
  for (const line of lines) await terminal.print(line);
  await terminal.print(
    terminal.paint('dim', more ? `${entries(rows.length)} shown; --limit shows more` : entries(rows.length)),
  );
}

function untilWord(until: Instant | null, now: Instant): string {
  if (until === null) return '';
  return until <= now ? `${day(until)} (over)` : day(until);
}

/** `2026-11-22 10:14Z` */
function day(instant: Instant): string {
  return `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}

function addExport(group: Command, cli: Cli): void {
  const command = group
    .command('export')
    .description('Write all entries as CSV (RFC 4180, UTF-8) to standard output, as import reads them.');
  addSettings(command);
  addExamples(command, 'suppress export > suppressions.csv');
  command.action(() =>
    cli.withApp(command, async ({ queue }) => {
      for await (const lines of suppressionsAsCsv(queue.suppressions())) await cli.terminal.write(lines);
    }),
  );
}
