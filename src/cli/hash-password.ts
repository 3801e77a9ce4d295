/** `posthaste hash-password`: a password in the form in which it may stand in the setting users. */
import type { Command } from 'commander';
import type { Cli } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { addExamples } from './options.ts';

export function addHashPassword(program: Command, cli: Cli): void {
  const command = program
    .command('hash-password')
    .description('Ask for a password, or read it from standard input, and print its hash for the setting users.');
  addExamples(command, 'hash-password', 'hash-password < password.txt');
  command.action(async () => {
    const password = cli.terminal.interactive ? await askTwice(cli) : await readPassword();
    if (password === '') throw new Failure('the password is empty', EXIT.usage);
    const { hashPassword } = await import('../submission/smtp/users.ts');
    await cli.terminal.print(await hashPassword(password));
    cli.terminal.note('set it as name:HASH in users, or in POSTHASTE_USERS');
  });
}

async function askTwice({ terminal }: Cli): Promise<string> {
  const password = await terminal.askSecret('Password: ');
  if (password !== (await terminal.askSecret('Once more: '))) {
    throw new Failure('the two passwords differ', EXIT.failure);
  }
  return password;
}

/** A file ends with a line break that is not part of the password. */
async function readPassword(): Promise<string> {
  return (await process.stdin.setEncoding('utf8').toArray()).join('').replace(/\r?\n$/, '');
}
