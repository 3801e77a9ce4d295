/** `posthaste qshape`: how old what waits is, by domain, in the form of Postfix's qshape(1). */
import type { Command } from 'commander';
import { domainOf } from '../mail/address.ts';
import { printable } from '../mail/reply.ts';
import { ENDED, STATES } from '../queue/delivery.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Cli } from './context.ts';
import { addExamples, addFilter, addSettings, type FilterFlags, filterOf, statesOf } from './options.ts';
import { rowsOf } from './rows.ts';

interface QshapeFlags extends FilterFlags {
  readonly senders?: true;
  readonly json?: true;
}

const MINUTE = 60_000;
/** Ends of the buckets in minutes; the last one has none. */
const ENDS = [5, 10, 20, 40, 80, 160, 320, 640, 1280] as const;
const TITLES = ['T', ...ENDS.map(String), `${ENDS.at(-1)}+`];
const BUCKETS = ENDS.length + 1;
const WAITING = STATES.filter((state) => !ENDED.includes(state));
/** The least columns for a domain. */
const LEAST_DOMAIN = 18;
/** Of a pipe, which tells none. */
const WIDTH = 80;

/** The sum, then one count for each bucket. */
type Ages = number[];

export function addQshape(program: Command, cli: Cli): void {
  const command = program
    .command('qshape')
    .description('Count what waits by domain and age, as qshape(1) of Postfix: columns are minutes since submission.');
  command.option('--senders', 'by the domains of senders, in place of recipients');
  addFilter(command, 'those that have not ended');
  command.option('--json', 'one JSON object a line for each domain');
  addSettings(command);
  addExamples(command, 'qshape', 'qshape --deferred --senders');
  command.action((flags: QshapeFlags) =>
    cli.withApp(command, async (app) => {
      const states = statesOf(flags, WAITING);
      const domains = new Map<string, Ages>([['TOTAL', newAges()]]);
      const now = cli.now();
      for await (const { sender, recipient, createdAt } of rowsOf(app, { states, ...filterOf(flags, now) })) {
        const address = flags.senders === true ? sender : recipient;
        const domain = address === null ? 'MAILER-DAEMON' : domainOf(address);
        for (const name of ['TOTAL', domain]) count(domains, name, bucketOf(createdAt, now));
      }
      const rows = sorted(domains);
      const lines = flags.json === true ? rows.map(jsonOf) : table(rows, Math.min(cli.terminal.width, WIDTH));
      for (const line of lines) await cli.terminal.print(line);
    }),
  );
}

function newAges(): Ages {
  return new Array<number>(BUCKETS + 1).fill(0);
}

function count(domains: Map<string, Ages>, name: string, bucket: number): void {
  const ages = domains.get(name) ?? newAges();
  ages[0] = (ages[0] ?? 0) + 1;
  ages[bucket] = (ages[bucket] ?? 0) + 1;
  domains.set(name, ages);
}

/** From 1; an age of exactly five minutes is in the second. */
function bucketOf(createdAt: Instant, now: Instant): number {
  const minutes = (now - createdAt) / MINUTE;
  const found = ENDS.findIndex((end) => minutes < end);
  return found === -1 ? BUCKETS : found + 1;
}

type Row = readonly [domain: string, ages: Ages];

/** The largest first, TOTAL before all. */
function sorted(domains: ReadonlyMap<string, Ages>): Row[] {
  const [total, ...rest] = domains;
  return [total as Row, ...rest.toSorted(([a, x], [b, y]) => (y[0] ?? 0) - (x[0] ?? 0) || (a < b ? -1 : 1))];
}

function jsonOf([domain, [total, ...ages]]: Row): string {
  return JSON.stringify({ domain, total, ages: Object.fromEntries(ages.map((n, i) => [TITLES[i + 1], n])) });
}

/** Columns as wide as the largest count asks, the domain in the rest of the line, its end where it is too long. */
function table(rows: readonly Row[], width: number): string[] {
  const widest = (i: number): number => Math.max((TITLES[i] ?? '').length, String(rows[0]?.[1][i] ?? 0).length);
  const widths = TITLES.map((_, i) => Math.max(3, widest(i) + 1));
  const rest = Math.max(
    LEAST_DOMAIN,
    widths.reduce((left, each) => left - each, width),
  );
  const line = (name: string, cells: readonly (string | number)[]): string =>
    shortened(name, rest).padStart(rest) + cells.map((cell, i) => String(cell).padStart(widths[i] ?? 0)).join('');
  return [line('', TITLES), ...rows.map(([domain, ages]) => line(printable(domain), ages))];
}

function shortened(name: string, width: number): string {
  return name.length <= width ? name : `+${name.slice(name.length - width + 1)}`;
}
