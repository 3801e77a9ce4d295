/** `posthaste mailq`: what waits, in the forms of Postfix's `postqueue -p` and `postqueue -j`, which programs read. */
import type { Command } from 'commander';
import { Outlook } from '../app/outlook.ts';
import { printable, showReply } from '../mail/reply.ts';
import { ENDED, STATES } from '../queue/delivery.ts';
import type { Filter, Listed } from '../queue/store.ts';
import type { App, Cli } from './context.ts';
import { addExamples, addSettings } from './options.ts';
import { rowsOf } from './rows.ts';

const WAITING: Filter = { states: STATES.filter((state) => !ENDED.includes(state)) };

/** How both forms call the null sender. */
const NULL_SENDER = 'MAILER-DAEMON';

const HEADINGS = row('-Queue ID-', '--Size--', '----Arrival Time----', '-Sender/Recipient-------');
/** Where a reason ends, in columns. */
const REASON_END = 76;

/** The deliveries of one message that have not ended. */
type Entry = readonly [Listed, ...Listed[]];

export function addMailq(program: Command, cli: Cli): void {
  const command = program
    .command('mailq')
    .description('Print what waits as the mailq of Postfix does, for programs that read it; list tells people more.')
    .option('--json', 'one JSON object a line for each message, as postqueue -j; times are seconds since 1970 (UTC)');
  addSettings(command);
  addExamples(command, 'mailq', 'mailq --json');
  command.action((flags: { readonly json?: true }) =>
    cli.withApp(command, async (app, config) => {
      const outlook = await Outlook.of(app.store, config, cli.now());
      await (flags.json === true ? printJson(cli, app, outlook) : print(cli, app, outlook));
    }),
  );
}

async function print({ terminal }: Cli, app: App, outlook: Outlook): Promise<void> {
  let requests = 0;
  let octets = 0;
  for await (const entry of entriesOf(app)) {
    await terminal.print(requests === 0 ? HEADINGS : '');
    for (const line of linesOf(entry, outlook)) await terminal.print(line);
    requests++;
    octets += entry[0].size;
  }
  if (requests === 0) return terminal.print('Mail queue is empty');
  await terminal.print(`\n-- ${Math.floor(octets / 1024)} Kbytes in ${requests} Request${requests === 1 ? '' : 's'}.`);
}

async function printJson({ terminal }: Cli, app: App, outlook: Outlook): Promise<void> {
  for await (const entry of entriesOf(app)) await terminal.printJson(jsonOf(entry, outlook));
}

/** Deliveries come sorted by message. */
async function* entriesOf(app: App): AsyncGenerator<Entry, void> {
  let entry: [Listed, ...Listed[]] | undefined;
  for await (const each of rowsOf(app, WAITING)) {
    if (entry !== undefined && entry[0].id === each.id) {
      entry.push(each);
      continue;
    }
    if (entry !== undefined) yield entry;
    entry = [each];
  }
  if (entry !== undefined) yield entry;
}

type QueueName = 'active' | 'hold' | 'deferred' | 'incoming';

/** The queue of Postfix in which such a message would be. */
function queueOf(entry: Entry, outlook: Outlook): QueueName {
  if (entry.some(({ state }) => state === 'sending')) return 'active';
  if (entry.every(({ state }) => state === 'held')) return 'hold';
  return entry.some(({ attempts, dueAt }) => attempts > 0 || dueAt > outlook.now) ? 'deferred' : 'incoming';
}

const SUFFIXES: Readonly<Record<QueueName, string>> = { active: '*', hold: '!', deferred: '', incoming: '' };

function linesOf(entry: Entry, outlook: Outlook): string[] {
  const [{ id, size, createdAt, sender }] = entry;
  const lines = [row(`${id}${SUFFIXES[queueOf(entry, outlook)]}`, String(size), clockTime(createdAt), nameOf(sender))];
  let told = '';
  for (const delivery of entry) {
    const reason = reasonOf(delivery, outlook);
    if (reason !== told) lines.push(`(${reason === '' ? 'reason unavailable' : reason})`.padStart(REASON_END + 2));
    told = reason;
    lines.push(row('', '', '', printable(delivery.recipient)));
  }
  return lines;
}

function row(id: string, size: string, time: string, address: string): string {
  return `${id.padEnd(11)} ${size.padStart(7)} ${time.padEnd(20)} ${address}`;
}

function nameOf(sender: string | null): string {
  return sender === null ? NULL_SENDER : printable(sender);
}

/** `Sun Nov 22 06:29:17 `, local time as of ctime(3) without its year. */
function clockTime(time: number): string {
  const date = new Date(time);
  const [day = '', month = ''] = date.toDateString().split(' ');
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${day} ${month} ${String(date.getDate()).padStart(2)} ${clock} `;
}

/** What the relay said last, or what else keeps it; nothing while it is only its turn that it waits for. */
function reasonOf(delivery: Listed, outlook: Outlook): string {
  if (delivery.lastReply !== null) return showReply(delivery.lastReply);
  const obstacle = outlook.next(delivery)?.obstacle;
  const waits = delivery.state === 'held' || (obstacle !== undefined && obstacle !== 'turn');
  return waits ? printable(outlook.why(delivery)) : '';
}

function jsonOf(entry: Entry, outlook: Outlook): Readonly<Record<string, unknown>> {
  const [{ id, size, createdAt, sender }] = entry;
  return {
    queue_name: queueOf(entry, outlook),
    queue_id: id,
    arrival_time: Math.floor(createdAt / 1000),
    message_size: size,
    forced_expire: false,
    sender: sender ?? NULL_SENDER,
    recipients: entry.map((delivery) => {
      const reason = reasonOf(delivery, outlook);
      return { address: delivery.recipient, ...(reason !== '' && { delay_reason: reason }) };
    }),
  };
}
