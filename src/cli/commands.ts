/** The commands of `posthaste`, put together. */
import { Command } from 'commander';
import { packageVersion } from '../app/version.ts';
import { addCancel } from './cancel.ts';
import { addCheck } from './check.ts';
import { addConfig } from './config.ts';
import type { Cli } from './context.ts';
import { addExplain } from './explain.ts';
import { addHashPassword } from './hash-password.ts';
import { addHold } from './hold.ts';
import { addList } from './list.ts';
import { addMigrate } from './migrate.ts';
import { addPause } from './pause.ts';
import { addPurge } from './purge.ts';
import { addRelease } from './release.ts';
import { addReroute } from './reroute.ts';
import { addResume } from './resume.ts';
import { addRetry } from './retry.ts';
import { addSend } from './send.ts';
import { addServe } from './serve.ts';
import { addShow } from './show.ts';
import { addStatus } from './status.ts';
import { addWork } from './work.ts';

const GROUPS = [
  { title: 'Run:', commands: [addServe, addWork] },
  { title: 'Look:', commands: [addList, addShow, addStatus, addExplain] },
  {
    title: 'Act:',
    commands: [addRetry, addHold, addRelease, addCancel, addPurge, addReroute, addPause, addResume, addSend],
  },
  { title: 'Set up:', commands: [addCheck, addConfig, addMigrate, addHashPassword] },
];

export function buildProgram(cli: Cli): Command {
  const root = new Command('posthaste')
    .description('A durable mail queue: takes mail in a millisecond, keeps it safe, relays it until it is taken.')
    .version(packageVersion(), '--version', 'print the version')
    .addHelpCommand(new Command('help').argument('[command]').description('Explain a command.').helpGroup('Set up:'))
    .configureHelp({ minWidthToWrap: 24 })
    .configureOutput({ outputError: (text, write) => write(`posthaste: ${text.replace(/^error: /, '')}`) })
    .exitOverride();
  for (const { title, commands } of GROUPS) {
    root.commandsGroup(title);
    for (const add of commands) add(root, cli);
  }
  root.addHelpText(
    'after',
    '\nExample:\n  $ posthaste serve --relay smtp://user:password@relay.example.com:587\n\nposthaste help COMMAND tells more.',
  );
  return root;
}
