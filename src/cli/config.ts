/** `posthaste config`: the effective settings, and where each came from. */
import type { Command } from 'commander';
import { settingNames } from '../config/settings.ts';
import { type SettingView, settingViews } from '../config/view.ts';
import type { Cli } from './context.ts';
import { addExamples, addSettings } from './options.ts';
import { otherSettings } from './other-settings.ts';
import { table } from './table.ts';

export function addConfig(program: Command, cli: Cli): void {
  const command = program
    .command('config')
    .description(
      'Show the effective value of every setting and where it came from; secrets are masked. A terminal that is narrow cuts long ones; --json has all.',
    );
  command.option('--json', 'one JSON object: { setting: { value, from } }');
  addSettings(command, settingNames);
  addExamples(command, 'config', 'config --json');
  command.action(async (flags: { json?: true }) => {
    const loaded = await cli.settings(command);
    const views = settingViews(loaded);
    if (flags.json === true)
      return cli.terminal.printJson(Object.fromEntries(views.map(({ name, value, from }) => [name, { value, from }])));
    const lines = table<Row>(
      [
        { title: 'SETTING', value: (row) => row.setting },
        { title: 'VALUE', value: (row) => row.value, least: 24 },
        { title: 'FROM', value: (row) => row.from, least: 12 },
      ],
      views.flatMap(rowsOf),
      cli.terminal.width,
    );
    const [titles = '', ...rows] = lines;
    await cli.terminal.print([cli.terminal.paint('bold', titles), ...rows].join('\n'));
    // A server of databases that does not answer must not keep anybody from their settings.
    if (!isFile(loaded.config.database)) return;
    for (const text of await otherSettings(cli, loaded.config))
      await cli.terminal.print(cli.terminal.paint('yellow', `note: ${text}`));
  });
}

function isFile(database: string): boolean {
  return database.startsWith('sqlite:');
}

interface Row {
  readonly setting: string;
  readonly value: string;
  readonly from: string;
}

/** One with parts has a row for each of them: `relays.ses.rate`. */
function rowsOf({ name, parts, from }: SettingView): readonly Row[] {
  if (parts.length === 0) return [{ setting: name, value: 'none', from }];
  return parts.map((part) => ({ setting: part.name, value: part.shown, from }));
}
