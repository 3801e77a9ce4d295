import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { buildProgram } from '../../src/cli/commands.ts';
import { Cli, type Program } from '../../src/cli/context.ts';
import { flagOf, settingNames, settingOf } from '../../src/config/settings.ts';

const unused = (): never => {
  throw new Error('help needs no queue');
};
const program: Program = {
  openApp: unused,
  copyQueue: unused,
  createServer: unused,
  workOnce: unused,
  checkRelay: unused,
  spaceProblem: unused,
  space: unused,
  damage: unused,
  workers: unused,
  checkDkim: unused,
  checks: unused,
};

const root = buildProgram(new Cli(program));
const isCommand = (command: Command): boolean => command.name() !== 'help';
/** With the commands of a group beside it. */
const commands = root.commands.filter(isCommand).flatMap((command) => [command, ...command.commands.filter(isCommand)]);

/** `suppress add` */
function nameOf(command: Command): string {
  return command.parent === null || command.parent === root
    ? command.name()
    : `${nameOf(command.parent)} ${command.name()}`;
}

/** What `help COMMAND` writes, with all that is added behind it. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

test('every command of an operator is there', () => {
  const names =
    'serve work list show status nodes audit explain mailq qshape sendmail retry hold release cancel purge reroute pause resume send suppress check config copy migrate hash-password';
  const own = commands.map(nameOf);
  expect(own.filter((name) => !name.includes(' ')).toSorted()).toEqual(names.split(' ').toSorted());
  const list = ['add', 'remove', 'list', 'import', 'export'].map((name) => `suppress ${name}`);
  expect(own.filter((name) => name.includes(' '))).toEqual(list);
});

test.each(commands.map((command) => [nameOf(command), command] as const))(
  'help of %s tells what it does and gives an example',
  (name, command) => {
    const help = helpOf(command);
    expect(help).toContain(`Usage: posthaste ${name}`);
    expect(command.description()).toMatch(/\.$/);
    expect(help).toMatch(new RegExp(`Examples?:\\n  \\$ posthaste ${name}`));
  },
);

// Others than its user may write the command line of sendmail.
const offSettings = ['hash-password', 'sendmail'];
const onSettings = commands.filter((command) => command.commands.length === 0 && !offSettings.includes(command.name()));

test.each(onSettings.map((command) => [nameOf(command), command] as const))(
  '%s takes the configuration file and the place of the queue',
  (_, command) => {
    const flags = command.options.map((option) => option.long);
    expect(flags).toEqual(expect.arrayContaining(['--config', '--data-dir', '--database']));
  },
);

test.each(['serve', 'work', 'check', 'config'])('every setting is a flag of %s', (name) => {
  const flags = commands.find((command) => command.name() === name)?.options.map((option) => option.long);
  expect(flags).toEqual(expect.arrayContaining(settingNames.filter((name) => !settingOf(name).fileOnly).map(flagOf)));
});

test('the help of the program itself has an example', () => {
  expect(helpOf(root)).toMatch(/Example:\n {2}\$ posthaste serve/);
});
