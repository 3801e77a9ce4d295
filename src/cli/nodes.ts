/** `posthaste nodes`: who works on the queue, and what each holds. */
import type { Command } from 'commander';
import { printable } from '../mail/reply.ts';
import { Overview } from '../queue/overview.ts';
import type { Held, Node } from '../queue/relay-store.ts';
import { isSeen } from '../queue/why.ts';
import { elapsed, relative } from '../runtime/elapsed.ts';
import type { Cli } from './context.ts';
import { addExamples, addSettings } from './options.ts';
import { type Column, table } from './table.ts';

interface Row extends Node {
  readonly alive: boolean;
  readonly holds: readonly Omit<Held, 'node'>[];
}

export function addNodes(program: Command, cli: Cli): void {
  const command = program
    .command('nodes')
    .description('Tell which processes work on the queue, since when, and what of each relay they hold.');
  command.option('--json', 'one JSON object a line for each process; times are milliseconds since 1970 (UTC)');
  addSettings(command);
  addExamples(command, 'nodes', 'nodes --json');
  command.action((flags: { json?: true }) =>
    cli.withApp(command, async (app) => {
      const rows = await rowsOf(new Overview(app.store, cli), cli.now());
      if (flags.json === true) for (const { place: _, gone: __, ...row } of rows) await cli.terminal.printJson(row);
      else await forPeople(cli, rows);
    }),
  );
}

async function rowsOf(overview: Overview, now: number): Promise<readonly Row[]> {
  const [nodes, held] = await Promise.all([overview.nodes(), overview.holdings()]);
  return nodes.map((node) => {
    const holds = held.filter((each) => each.node === node.id).map(({ node: _, ...rest }) => rest);
    return { ...node, alive: isSeen(node, now), holds };
  });
}

async function forPeople(cli: Cli, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return cli.terminal.print('nobody works on this queue');
  for (const line of table(columns(cli.now()), rows, cli.terminal.width)) await cli.terminal.print(line);
}

function columns(now: number): readonly Column<Row>[] {
  return [
    { title: 'HOST', value: ({ host }) => printable(host), least: 8 },
    { title: 'PID', value: ({ pid }) => String(pid), right: true },
    { title: 'ROLE', value: ({ role }) => printable(role), least: 8 },
    { title: 'SINCE', value: ({ startedAt }) => elapsed(now - startedAt), right: true },
    { title: 'SEEN', value: ({ seenAt, alive }) => `${relative(seenAt, now)}${alive ? '' : ', gone'}` },
    { title: 'HOLDS', value: ({ holds }) => holds.map(holding).join('; ') || '-', least: 12 },
  ];
}

/** `ses 12 sending, 4 connections` */
function holding({ relay, sending, connections }: Row['holds'][number]): string {
  const parts = [
    ...(sending > 0 ? [`${sending} sending`] : []),
    ...(connections > 0 ? [`${connections} ${connections === 1 ? 'connection' : 'connections'}`] : []),
  ];
  return `${printable(relay)} ${parts.join(', ')}`;
}
