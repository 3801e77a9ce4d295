/** `posthaste send`: submits a test message. */
import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import { needsSmtpUtf8 } from '../mail/address.ts';
import type { Envelope } from '../mail/envelope.ts';
import { PRIORITIES, type Priority } from '../queue/message.ts';
import type { Instant } from '../runtime/clock.ts';
import type { SubmissionDetails } from '../submission/intake.ts';
import type { Cli } from './context.ts';
import { addExamples, addSettings, parseAge, parseCount, QUEUE_SETTINGS } from './options.ts';

interface SendFlags {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text?: string;
  readonly priority?: Priority;
  readonly tag?: readonly string[];
  /** ms */
  readonly expiresIn?: number;
  readonly maxAttempts?: number;
}

export function addSend(program: Command, cli: Cli): void {
  const command = program
    .command('send')
    .description('Submit a test message straight into the queue and print its queue id.');
  command.requiredOption('--from <address>', 'sender');
  command.requiredOption('--to <address,...>', 'recipients', (value, before: string[] | undefined) => [
    ...(before ?? []),
    value,
  ]);
  command.option('--subject <text>', 'subject', 'Test message from posthaste');
  command.option('--text <text>', 'text (default: standard input, unless it is a terminal)');
  command.addOption(
    new Option('--priority <priority>', 'its place in the queue').choices(PRIORITIES).default('medium'),
  );
  command.option('--tag <tag>', 'a tag, for routes and lists; may come again', (tag, before: string[] | undefined) => [
    ...(before ?? []),
    tag,
  ]);
  command.option('--expires-in <duration>', 'given up when not sent by then, as 10m', parseAge);
  command.option('--max-attempts <count>', 'given up after so many tries', parseCount);
  addSettings(command, [...QUEUE_SETTINGS, 'hostname', 'maxAge', 'maxMessageSize']);
  addExamples(
    command,
    'send --from ann@example.com --to bob@example.com --text "Does it arrive?"',
    'send --from ann@example.com --to bob@example.com --subject Report < report.txt',
    'send --from ann@example.com --to bob@example.com --text "Your code is 123456" --priority high --expires-in 10m',
  );
  command.action((flags: SendFlags) =>
    cli.withApp(
      command,
      async (app) => {
        const { envelope, content } = await compose(flags, await textOf(flags));
        await cli.terminal.print(await app.submit(envelope, content, detailsOf(flags, cli.now())));
      },
      { create: true },
    ),
  );
}

function detailsOf({ priority, tag, expiresIn, maxAttempts }: SendFlags, now: Instant): SubmissionDetails {
  return {
    ...(priority !== undefined && { priority }),
    ...(tag !== undefined && { tags: tag }),
    ...(expiresIn !== undefined && { expiresAt: now + expiresIn }),
    ...(maxAttempts !== undefined && { retry: { maxAttempts } }),
  };
}

async function textOf({ text }: SendFlags): Promise<string> {
  if (text !== undefined) return text;
  const piped = process.stdin.isTTY ? '' : (await process.stdin.setEncoding('utf8').toArray()).join('');
  return piped === '' ? `A test message, submitted on ${hostname()}.\n` : piped;
}

async function compose(
  { from, to, subject }: SendFlags,
  text: string,
): Promise<{ envelope: Envelope; content: Uint8Array }> {
  // Only this command composes; the others start without waiting for it.
  const [{ createTransport }, { checkAddresses, checkSender }] = await Promise.all([
    import('nodemailer'),
    import('../submission/lost-recipients.ts'),
  ]);
  // Nodemailer passes over what is no address: the mail would go to the others alone, or out from nobody.
  if (from !== '<>') checkSender({ from });
  checkAddresses({ from, to: [...to] });
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  const info = await composer.sendMail({ from, to: [...to], subject, text });
  const addresses = info.envelope.to;
  const sender = info.envelope.from || null;
  return {
    envelope: {
      sender,
      recipients: addresses.map((address) => ({ address })),
      smtputf8: [...addresses, sender ?? ''].some(needsSmtpUtf8),
    },
    content: info.message as Buffer,
  };
}
