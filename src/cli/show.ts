/** `posthaste show ID`: one message, its recipients, its attempts, and why it waits. */
import type { Command } from 'commander';
import { Outlook } from '../app/outlook.ts';
import { printable } from '../mail/reply.ts';
import type { Attempt, Delivery } from '../queue/delivery.ts';
import { REDIRECTED_FROM } from '../queue/safety.ts';
import type { RetryOverride } from '../queue/schedule.ts';
import type { Found } from '../queue/store.ts';
import { attemptView, deliveryView } from '../queue/view.ts';
import { elapsed, relative } from '../runtime/elapsed.ts';
import type { Id } from '../runtime/id.ts';
import type { App, Cli } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { humanSize, humanTime, replyWord, senderWord, stateWord } from './format.ts';
import { findId, ID_HELP } from './ids.ts';
import { addExamples, addSettings } from './options.ts';
import { table } from './table.ts';

interface ShowFlags {
  readonly content?: true;
  readonly json?: true;
}

export function addShow(program: Command, cli: Cli): void {
  const command = program
    .command('show')
    .argument('<id>', ID_HELP)
    .description('Show a message: envelope, recipients, attempts, next try and why it waits.');
  command.option('--content', 'write the content instead, as it will be sent').option('--json', 'one JSON object');
  addSettings(command);
  addExamples(
    command,
    'show 0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11',
    'show 0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11 --content > message.eml',
  );
  command.action((text: string, flags: ShowFlags) =>
    cli.withApp(command, async (app, config) => {
      const id = await findId(app.queue, text);
      const found = await app.queue.get(id);
      if (found === null) throw new Failure(`no message has the id ${id}`, EXIT.failure);
      if (flags.content === true) return writeContent(cli, app, id, found);
      const view = { ...found, outlook: await Outlook.of(app.store, config, cli.now()) };
      return flags.json === true ? cli.terminal.printJson(foundJson(view)) : showForPeople(cli, view);
    }),
  );
}

interface View extends Found {
  readonly outlook: Outlook;
}

/** Bytes go to a pipe as they are; on a terminal, a message must not be able to steer it. */
async function writeContent(cli: Cli, app: App, id: Id, { contentKept }: Found): Promise<void> {
  if (!contentKept) throw new Failure(`the content of ${id} was not kept`, EXIT.failure);
  const decoder = new TextDecoder();
  for await (const chunk of app.queue.content(id)) {
    await cli.terminal.write(cli.terminal.showing ? harmless(decoder.decode(chunk, { stream: true })) : chunk);
  }
}

function harmless(text: string): string {
  return text.replace(/[^\r\n\t]+/g, printable);
}

async function showForPeople({ terminal }: Cli, view: View): Promise<void> {
  const { message, deliveries, attempts, outlook } = view;
  const label = (name: string): string => terminal.paint('dim', name.padEnd(11));
  await terminal.print(terminal.paint('bold', message.id));
  await terminal.print(
    `${label('submitted')}${humanTime(message.createdAt)} (${relative(message.createdAt, outlook.now)}) by ${message.origin}`,
  );
  await terminal.print(`${label('sender')}${senderWord(message.sender)}`);
  await terminal.print(`${label('subject')}${printable(message.subject ?? '')}`);
  await terminal.print(`${label('message-id')}${printable(message.messageId)}`);
  await terminal.print(`${label('size')}${humanSize(message.size)}${view.contentKept ? '' : ', content not kept'}`);
  const replaced = message.metadata[REDIRECTED_FROM];
  if (replaced !== undefined) await terminal.print(`${label('meant for')}${printable(replaced)}`);
  if (message.retry !== null) await terminal.print(`${label('retries')}${retryWords(message.retry)}`);
  if (message.reportOn !== null)
    await terminal.print(`${label('report on')}${message.reportOn}${isLost(view) ? `, ${LOST}` : ''}`);
  for (const delivery of deliveries) await showDelivery(terminal, view, delivery);
  if (attempts.length > 0) await terminal.print(`\n${attemptLines(view, terminal.width).join('\n')}`);
}

/** A report that was given up: reports on reports are never sent, so that nobody hears of it but here. */
function isLost({ message, deliveries }: View): boolean {
  return message.reportOn !== null && deliveries.some(({ state }) => state === 'bounced');
}

const LOST = 'which could not be delivered: its sender was not told';

/** `tried at most 3 times, given up after 10m`. */
function retryWords({ mode, firstDelay, maxDelay, maxAge, maxAttempts, delayReportAfter }: RetryOverride): string {
  const words = [
    mode === undefined ? '' : mode === 'manual' ? 'tried again on demand' : 'tried again by itself',
    maxAttempts === undefined
      ? ''
      : maxAttempts === null
        ? 'tried until its age'
        : `tried at most ${maxAttempts} times`,
    maxAge === undefined ? '' : `given up after ${elapsed(maxAge)}`,
    firstDelay === undefined ? '' : `first again after ${elapsed(firstDelay)}`,
    maxDelay === undefined ? '' : `waits up to ${elapsed(maxDelay)}`,
    delayReportAfter === undefined
      ? ''
      : delayReportAfter === null
        ? 'no report of a delay'
        : `delay reported after ${elapsed(delayReportAfter)}`,
  ];
  return words.filter((word) => word !== '').join(', ');
}

async function showDelivery(terminal: Cli['terminal'], view: View, delivery: Delivery): Promise<void> {
  const { state, reason, relay, attempts, expiresAt, lastReply } = delivery;
  const { outlook } = view;
  const facts = [
    `relay ${relay}`,
    attempts === 1 ? '1 attempt' : `${attempts} attempts`,
    ...(state === 'queued' ? [nextTryOf(delivery, outlook), `given up ${relative(expiresAt, outlook.now)}`] : []),
  ];
  await terminal.print(
    `\n${terminal.paint('bold', printable(delivery.recipient))}  ${stateWord(delivery)}${reason === null || reason === 'suppressed' ? '' : ` (${reason})`}`,
  );
  await terminal.print(`  ${facts.join(', ')}`);
  if (lastReply !== null) await terminal.print(`  last reply: ${replyWord(lastReply)}`);
  await terminal.print(`  ${outlook.why(delivery)}`);
}

function nextTryOf(delivery: Delivery, outlook: Outlook): string {
  const word = outlook.nextWord(delivery);
  return outlook.next(delivery)?.at === null ? `no next try (${word})` : `next try ${word}`;
}

function attemptLines({ attempts, deliveries }: View, width: number): readonly string[] {
  const recipient = new Map(deliveries.map((delivery) => [delivery.ordinal, delivery.recipient]));
  return table<Attempt>(
    [
      { title: 'ATTEMPT', value: (row) => humanTime(row.startedAt) },
      {
        title: 'TOOK',
        value: (row) => (row.durationMs < 1_000 ? `${row.durationMs}ms` : elapsed(row.durationMs)),
        right: true,
      },
      { title: 'RECIPIENT', value: (row) => printable(recipient.get(row.ordinal) ?? ''), least: 14 },
      { title: 'RELAY', value: (row) => printable(row.relay), drop: 1 },
      { title: 'OUTCOME', value: (row) => row.outcome },
      { title: 'REPLY', value: (row) => replyWord(row.reply), least: 14 },
    ],
    attempts,
    width,
  );
}

function foundJson(view: View): Readonly<Record<string, unknown>> {
  const { message, deliveries, attempts, contentKept, outlook } = view;
  return {
    ...message,
    contentKept,
    reportLost: isLost(view),
    deliveries: deliveries.map((delivery) => ({
      ...deliveryView(delivery, outlook.next(delivery)),
      why: outlook.why(delivery),
    })),
    attempts: attempts.map(attemptView),
  };
}
