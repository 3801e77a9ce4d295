/** `posthaste list`: the deliveries of the queue, for people and as JSON. */
import type { Command } from 'commander';
import { Outlook } from '../app/outlook.ts';
import type { Config } from '../config/settings.ts';
import { printable } from '../mail/reply.ts';
import { ENDED, STATES } from '../queue/delivery.ts';
import { DEFAULT_RELAY } from '../queue/route.ts';
import type { Filter, Listed } from '../queue/store.ts';
import { listedView } from '../queue/view.ts';
import { elapsed } from '../runtime/elapsed.ts';
import type { App, Cli } from './context.ts';
import { deliveries, humanSize, replyWord, senderWord, stateWord } from './format.ts';
import { shortLength } from './ids.ts';
import { addExamples, addFilter, addSettings, type FilterFlags, filterOf, parseCount, statesOf } from './options.ts';
import { rowsOf } from './rows.ts';
import { type Column, table } from './table.ts';

interface ListFlags extends FilterFlags {
  readonly json?: true;
  readonly limit?: number;
}

/** As much as a person reads; programs get all. */
const HUMAN_LIMIT = 100;

export function addList(program: Command, cli: Cli): void {
  const command = program.command('list').description('List the deliveries that have not ended, the newest first.');
  addFilter(command, 'those that have not ended');
  command.option('--limit <number>', `at most so many (default: ${HUMAN_LIMIT}, with --json all)`, parseCount);
  command.option('--json', 'one JSON object a line for each delivery; times are milliseconds since 1970 (UTC)');
  addSettings(command);
  addExamples(
    command,
    'list',
    'list --deferred --recipient @example.com',
    "list --json --state all | jq 'select(.attempts > 3)'",
  );
  command.action((flags: ListFlags) => cli.withApp(command, (app, config) => list(cli, app, config, flags)));
}

async function list(cli: Cli, app: App, config: Config, flags: ListFlags): Promise<void> {
  const unended = STATES.filter((state) => !ENDED.includes(state));
  const states = statesOf(flags, unended);
  const filter = { states, ...filterOf(flags, cli.now()) };
  const outlook = await Outlook.of(app.store, config, cli.now());
  if (flags.json !== true) return listForPeople(cli, app, outlook, filter, flags.limit ?? HUMAN_LIMIT);
  for await (const row of rowsOf(app, filter, flags.limit))
    await cli.terminal.printJson(listedView(row, outlook.next(row)));
}

async function listForPeople(cli: Cli, app: App, outlook: Outlook, filter: Filter, limit: number): Promise<void> {
  const rows: Listed[] = [];
  for await (const row of rowsOf(app, filter, limit)) rows.push(row);
  const { terminal } = cli;
  if (rows.length === 0) return terminal.print('no deliveries');
  const [titles = '', ...lines] = table(columns(rows, outlook), rows, terminal.width);
  await terminal.print(terminal.paint('bold', titles));
  for (const [i, line] of lines.entries()) await terminal.print(terminal.paint(styleOf(rows[i] as Listed), line));
  const total = rows.length < limit ? rows.length : await app.store.count(filter);
  const more = total > rows.length ? `, ${rows.length.toLocaleString('en')} shown; --limit shows more` : '';
  await terminal.print(terminal.paint('dim', `${deliveries(total)}${more}`));
}

/** Of a narrow terminal the reason why mail waits is worth more room than who sent it. */
function columns(rows: readonly Listed[], outlook: Outlook): readonly Column<Listed>[] {
  const several = rows.some((row) => row.relay !== DEFAULT_RELAY);
  const replied = rows.some((row) => row.lastReply !== null);
  const digits = shortLength(rows.map((row) => row.id));
  return [
    { title: 'ID', value: (row) => row.id, short: (row) => row.id.slice(0, digits) },
    { title: 'STATE', value: stateWord },
    { title: 'AGE', value: (row) => elapsed(outlook.now - row.createdAt), right: true, drop: 2 },
    { title: 'NEXT', value: (row) => outlook.nextWord(row), drop: 1 },
    { title: 'SIZE', value: (row) => humanSize(row.size), right: true, drop: 6 },
    { title: 'SENDER', value: (row) => senderWord(row.sender), least: 14, drop: 4 },
    { title: 'RECIPIENT', value: (row) => printable(row.recipient), least: 14 },
    ...(several ? [{ title: 'RELAY', value: (row: Listed) => printable(row.relay), drop: 5 }] : []),
    {
      title: 'LAST REPLY',
      value: (row) => `${row.inDoubt ? 'in doubt: ' : ''}${replyWord(row.lastReply)}`,
      least: 14,
      drop: replied ? 3 : 7,
    },
  ];
}

function styleOf(row: Listed): 'red' | 'yellow' | 'green' | undefined {
  if (row.state === 'bounced' || row.inDoubt) return 'red';
  if (row.state === 'held' || stateWord(row) === 'deferred') return 'yellow';
  return row.state === 'sent' ? 'green' : undefined;
}
