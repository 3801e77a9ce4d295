/** `posthaste config`: the effective settings, and where each came from. */
import type { Command } from 'commander';
import { type SettingName, settingNames, settingOf } from '../config/settings.ts';
import { plainView, shownParts } from '../config/structured.ts';
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
    const lines = table<Row>(
      [
        { title: 'SETTING', value: (row) => row.setting },
        { title: 'VALUE', value: (row) => row.value },
        { title: 'FROM', value: (row) => row.from },
      ],
      settingNames.flatMap((name) => rowsOf(name, config[name], origins[name])),
      Number.POSITIVE_INFINITY,
    );
    const [titles = '', ...rows] = lines;
    await cli.terminal.print([cli.terminal.paint('bold', titles), ...rows].join('\n'));
  });
}

interface Row {
  readonly setting: string;
  readonly value: string;
  readonly from: string;
}

/** One with parts has a row for each of them: `relays.ses.rate`. */
function rowsOf(name: SettingName, value: unknown, from: string): readonly Row[] {
  const parts = shownParts(settingOf(name).kind, value);
  if (parts.length === 0) return [{ setting: name, value: 'none', from }];
  return parts.map(([path, shown]) => ({ setting: [name, ...path].join('.'), value: shown, from }));
}

/** Plain values: milliseconds, octets, null; what is secret as it is shown to people. */
function jsonValue(name: SettingName, value: unknown): unknown {
  const { kind, secret } = settingOf(name);
  if (kind.view !== undefined) return plainView(kind, value);
  if (typeof value === 'function') return kind.show(value);
  return secret && value !== null ? kind.show(value) : value;
}
