/** What `posthaste help` says of sendmail; the program itself begins in main.ts, without the other commands. */
import type { Command } from 'commander';
import { addExamples } from './options.ts';
import { sendmail } from './sendmail.ts';
import { parseSendmailLine } from './sendmail-options.ts';

const OPTIONS = `
Options, glued to their values or apart; -- ends them, and so does the first address:
  -t              take recipients from To, Cc and Bcc, beside those of the command line
  -i, -oi         a line with a dot alone does not end the message
  -f, -r ADDRESS  sender of the envelope; '' or <> is the null sender (default: user and localDomain)
  -F NAME         name for the From field, where the message has none
  -N DSN          never, or some of success,failure,delay: when to report
  -R full|hdrs    how much of the message a report returns
  -V ENVID        envelope id for reports
  -B 7BIT|8BITMIME  accepted; the content decides
  -bm             take a message (the default)
  -bs             speak SMTP on standard input and output
  -bp             print the queue, as mailq
  -v              say where the message went
  -q, -bi, -I     nothing: posthaste tries by itself what waits, and knows no aliases
Accepted and ignored: -A -G -L -O -U -c -d -e -h -m -n -o -p

Settings come from the environment and /etc/posthaste/posthaste.config.*, not from the working directory.
Exit codes: 64 command line, 65 address or content malformed, 69 refused, 70 fault of posthaste, 71 message not readable,
75 try again, 77 not allowed, 78 settings.`;

export function addSendmail(program: Command): void {
  const command = program
    .command('sendmail')
    .description('Take a message from standard input, as sendmail(1); also when this program is linked as sendmail.')
    .argument('[argument...]', 'options and recipients as of sendmail(1)')
    .helpOption('--help', 'display help for command')
    .allowUnknownOption()
    .addHelpText('after', OPTIONS);
  addExamples(command, 'sendmail -t -i < message.eml', 'sendmail -f ann@example.com bob@example.com < message.eml');
  command.action(async () => {
    const line = parseSendmailLine(command.args);
    await (line.mode === 'queue' ? program.parseAsync(['node', 'posthaste', 'mailq']) : sendmail(line));
  });
}
