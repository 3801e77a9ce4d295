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
  createServer: unused,
  workOnce: unused,
  checkRelay: unused,
  spaceFault: unused,
  space: unused,
  checkDkim: unused,
  checks: unused,
};

const root = buildProgram(new Cli(program));
const commands = root.commands.filter((command) => command.name() !== 'help');

/** What `help COMMAND` writes, with all that is added behind it. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

test('every command of an operator is there', () => {
  const names =
    'serve work list show status explain retry hold release cancel purge reroute pause resume send check config migrate hash-password';
  expect(commands.map((command) => command.name()).toSorted()).toEqual(names.split(' ').toSorted());
});

test.each(commands.map((command) => [command.name(), command] as const))(
  'help of %s tells what it does and gives an example',
  (name, command) => {
    const help = helpOf(command);
    expect(help).toContain(`Usage: posthaste ${name}`);
    expect(command.description()).toMatch(/\.$/);
    expect(help).toMatch(new RegExp(`Examples?:\\n  \\$ posthaste ${name}`));
  },
);

const onSettings = commands.filter((command) => command.name() !== 'hash-password');

test.each(onSettings.map((command) => [command.name(), command] as const))(
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
