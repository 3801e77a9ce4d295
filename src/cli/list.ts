/** `posthaste list`: the deliveries of the queue, as mailq. */
import type { Command } from 'commander';
import type { Config } from '../config/settings.ts';
import { printable } from '../mail/reply.ts';
import { ENDED, STATES } from '../queue/delivery.ts';
import { DEFAULT_RELAY } from '../queue/route.ts';
import type { Filter, Listed } from '../queue/store.ts';
import { elapsed } from '../runtime/elapsed.ts';
import type { App, Cli } from './context.ts';
import { deliveries, humanSize, replyJson, replyWord, senderWord, stateWord } from './format.ts';
import { addExamples, addFilter, addSettings, type FilterFlags, filterOf, parseCount } from './options.ts';
import { Outlook } from './outlook.ts';
import { type Column, table } from './table.ts';

interface ListFlags extends FilterFlags {
  readonly json?: true;
  readonly limit?: number;
}

/** As much as a person reads; programs get all. */
const HUMAN_LIMIT = 100;
const PAGE = 500;

export function addList(program: Command, cli: Cli): void {
  const command = program
    .command('list')
    .alias('mailq')
    .description('List the deliveries that have not ended, the newest first.');
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
  const states = flags.state === 'all' ? STATES : (flags.state ?? STATES.filter((state) => !ENDED.includes(state)));
  const filter = { states, ...filterOf(flags, cli.now()) };
  const outlook = await Outlook.of(app, config, cli.now());
  if (flags.json !== true) return listForPeople(cli, app, outlook, filter, flags.limit ?? HUMAN_LIMIT);
  for await (const row of rowsOf(app, filter, flags.limit ?? Number.POSITIVE_INFINITY))
    await cli.terminal.printJson(listedJson(row, outlook));
}

async function* rowsOf(app: App, filter: Filter, limit: number): AsyncGenerator<Listed, void> {
  let left = limit;
  let cursor: string | undefined;
  while (left > 0) {
    const page = await app.queue.find(filter, { limit: Math.min(PAGE, left), ...(cursor !== undefined && { cursor }) });
    yield* page.rows;
    left -= page.rows.length;
    if (page.cursor === null) return;
    cursor = page.cursor;
  }
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

function columns(rows: readonly Listed[], outlook: Outlook): readonly Column<Listed>[] {
  const several = rows.some((row) => row.relay !== DEFAULT_RELAY);
  return [
    { title: 'ID', value: (row) => row.id },
    { title: 'STATE', value: stateWord },
    { title: 'AGE', value: (row) => elapsed(outlook.now - row.createdAt), right: true, drop: 2 },
    { title: 'NEXT', value: (row) => outlook.nextWord(row), drop: 1 },
    { title: 'SIZE', value: (row) => humanSize(row.size), right: true, drop: 4 },
    { title: 'SENDER', value: (row) => senderWord(row.sender), least: 14, drop: 3 },
    { title: 'RECIPIENT', value: (row) => printable(row.recipient), least: 14 },
    ...(several ? [{ title: 'RELAY', value: (row: Listed) => printable(row.relay), drop: 6 }] : []),
    {
      title: 'LAST REPLY',
      value: (row) => `${row.inDoubt ? 'in doubt: ' : ''}${replyWord(row.lastReply)}`,
      least: 14,
      drop: 5,
    },
  ];
}

function styleOf(row: Listed): 'red' | 'yellow' | 'green' | undefined {
  if (row.state === 'bounced' || row.inDoubt) return 'red';
  if (row.state === 'held' || stateWord(row) === 'deferred') return 'yellow';
  return row.state === 'sent' ? 'green' : undefined;
}

/** The fields that programs may rely on. Times are integer milliseconds, the one form they have everywhere in posthaste. */
function listedJson(row: Listed, outlook: Outlook): Readonly<Record<string, unknown>> {
  const next = outlook.next(row);
  return {
    id: row.id,
    ordinal: row.ordinal,
    messageId: row.messageId,
    sender: row.sender,
    recipient: row.recipient,
    subject: row.subject,
    size: row.size,
    tags: row.tags,
    state: row.state,
    reason: row.reason,
    relay: row.relay,
    priority: row.priority,
    attempts: row.attempts,
    createdAt: row.createdAt,
    dueAt: row.dueAt,
    nextAt: next?.at ?? null,
    waitsFor: next?.obstacle ?? null,
    expiresAt: row.expiresAt,
    changedAt: row.changedAt,
    lastAttemptAt: row.lastAttemptAt,
    lastReply: replyJson(row.lastReply),
    inDoubt: row.inDoubt,
    reportOn: row.reportOn,
  };
}
