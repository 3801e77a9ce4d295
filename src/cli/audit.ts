/** `posthaste audit`: who changed what. */
import { type Command, Option } from 'commander';
import { printable } from '../mail/reply.ts';
import { type AuditFilter, type AuditRecord, DEEDS } from '../queue/audit.ts';
import type { App, Cli } from './context.ts';
import { humanCount, humanTime } from './format.ts';
import { addExamples, addSettings, parseAge, parseCount } from './options.ts';
import { table } from './table.ts';

/** As much as a person reads; programs get all. */
const HUMAN_LIMIT = 50;
const PAGE = 500;

interface AuditFlags {
  readonly by?: string;
  readonly action?: string;
  readonly newerThan?: number;
  readonly olderThan?: number;
  readonly limit?: number;
  readonly json?: true;
}

export function addAudit(program: Command, cli: Cli): void {
  const command = program
    .command('audit')
    .description('Tell who changed what, by HTTP, by commands and by the library, the newest first.');
  command.option('--by <name>', 'of this login, or of this user@host');
  command.addOption(new Option('--action <action>', 'of this kind alone').choices(DEEDS));
  command.option('--newer-than <duration>', 'done less long ago than this, as 2h or 7d', parseAge);
  command.option('--older-than <duration>', 'done longer ago than this', parseAge);
  command.option('--limit <number>', `at most so many (default: ${HUMAN_LIMIT}, with --json all)`, parseCount);
  command.option('--json', 'one JSON object a line for each; times are milliseconds since 1970 (UTC)');
  addSettings(command);
  addExamples(command, 'audit', 'audit --action cancel --newer-than 7d', 'audit --by ann --json');
  command.action((flags: AuditFlags) => cli.withApp(command, (app) => tell(cli, app, flags)));
}

async function tell(cli: Cli, app: App, flags: AuditFlags): Promise<void> {
  const json = flags.json === true;
  const limit = flags.limit ?? (json ? Number.POSITIVE_INFINITY : HUMAN_LIMIT);
  const rows: AuditRecord[] = [];
  let count = 0;
  for await (const record of records(app, filterOf(flags, cli.now()))) {
    if (++count > limit) break;
    if (json) await cli.terminal.printJson(record);
    else rows.push(record);
  }
  if (!json) await forPeople(cli, rows, count > limit);
}

function filterOf({ by, action, newerThan, olderThan }: AuditFlags, now: number): AuditFilter {
  return {
    ...(by !== undefined && { by }),
    ...(action !== undefined && { action }),
    ...(newerThan !== undefined && { after: now - newerThan }),
    ...(olderThan !== undefined && { before: now - olderThan }),
  };
}

async function* records({ store }: App, filter: AuditFilter): AsyncGenerator<AuditRecord, void> {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await store.audit(filter, { limit: PAGE, ...(cursor !== undefined && { cursor }) });
    yield* page.rows;
    cursor = page.cursor;
  }
}

async function forPeople({ terminal }: Cli, rows: readonly AuditRecord[], more: boolean): Promise<void> {
  if (rows.length === 0) return terminal.print('nothing was changed');
  const columns = [
    { title: 'TIME', value: ({ at }: AuditRecord) => humanTime(at) },
    { title: 'BY', value: whoOf, least: 12 },
    { title: 'ACTION', value: ({ action }: AuditRecord) => printable(action) },
    { title: 'COUNT', value: ({ count }: AuditRecord) => (count === null ? '' : String(count)), right: true },
    { title: 'RESULT', value: ({ result }: AuditRecord) => result },
    { title: 'WHAT', value: whatOf, least: 16 },
  ];
  const [titles = '', ...lines] = table(columns, rows, terminal.width);
  await terminal.print(terminal.paint('bold', titles));
  for (const line of lines) await terminal.print(line);
  const shown = humanCount(rows.length, 'record');
  await terminal.print(terminal.paint('dim', more ? `${shown} shown; --limit shows more` : shown));
}

/** `ann from 192.0.2.1` */
function whoOf({ by, from }: AuditRecord): string {
  return printable(`${by === '' ? 'several' : by}${from === null ? '' : ` from ${from}`}`);
}

/** `states=queued recipient=@example.org (they asked)` */
function whatOf({ what, reason, error }: AuditRecord): string {
  const parts = Object.entries(what).map(([key, value]) => `${key}=${wordOf(value)}`);
  const more = [reason, error].filter((text) => text !== null).map((text) => `(${text})`);
  return printable([...parts, ...more].join(' '));
}

function wordOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(wordOf).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
