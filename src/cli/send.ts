/** `posthaste send`: submits a test message. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { needsSmtpUtf8 } from '../mail/address.ts';
import type { Envelope } from '../mail/envelope.ts';
import type { Cli } from './context.ts';
import { addExamples, addSettings, QUEUE_SETTINGS } from './options.ts';

interface SendFlags {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text?: string;
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
  addSettings(command, [...QUEUE_SETTINGS, 'hostname', 'maxAge', 'maxMessageSize']);
  addExamples(
    command,
    'send --from ann@example.com --to bob@example.com --text "Does it arrive?"',
    'send --from ann@example.com --to bob@example.com --subject Report < report.txt',
  );
  command.action((flags: SendFlags) =>
    cli.withApp(
      command,
      async (app) => {
        const { envelope, content } = await compose(flags, await textOf(flags));
        await cli.terminal.print(await app.submit(envelope, content));
      },
      { create: true },
    ),
  );
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
  const { createTransport } = await import('nodemailer');
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
