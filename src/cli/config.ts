/** `posthaste config`: the effective settings, and where each came from. */
import type { Command } from 'commander';
import { type SettingName, settingNames, settingOf, showValue } from '../config/settings.ts';
import type { Cli } from './context.ts';
import { addExamples, addSettings } from './options.ts';
import { table } from './table.ts';

export function addConfig(program: Command, cli: Cli): void {
  const command = program
    .command('config')
    .description('Show the effective value of every setting and where it came from; secrets are masked.');
  command.option('--json', 'one JSON object: { setting: { value, from } }');
  addSettings(command, settingNames);
  addExamples(command, 'config', 'config --json');
  command.action(async (flags: { json?: true }) => {
    const { config, origins } = await cli.settings(command);
    if (flags.json === true) {
      const entries = settingNames.map((name) => [name, { value: jsonValue(name, config[name]), from: origins[name] }]);
      return cli.terminal.printJson(Object.fromEntries(entries));
    }
    const lines = table<SettingName>(
      [
        { title: 'SETTING', value: (name) => name },
        { title: 'VALUE', value: (name) => showValue(name, config[name]) },
        { title: 'FROM', value: (name) => origins[name] },
      ],
      settingNames,
      Number.POSITIVE_INFINITY,
    );
    const [titles = '', ...rows] = lines;
    await cli.terminal.print([cli.terminal.paint('bold', titles), ...rows].join('\n'));
  });
}

/** Plain values: milliseconds, octets, null; what is secret as it is shown to people. */
function jsonValue(name: SettingName, value: unknown): unknown {
  return settingOf(name).secret && value !== null ? showValue(name, value) : value;
}
