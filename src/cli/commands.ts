/** The commands of `posthaste`, put together. */
import { Command } from 'commander';
import { packageVersion } from '../app/version.ts';
import { addAudit } from './audit.ts';
import { addCancel } from './cancel.ts';
import { addCheck } from './check.ts';
import { addConfig } from './config.ts';
import type { Cli } from './context.ts';
import { addCopy } from './copy.ts';
import { addExplain } from './explain.ts';
import { addHashPassword } from './hash-password.ts';
import { addHold } from './hold.ts';
import { addList } from './list.ts';
import { addMailq } from './mailq.ts';
import { addMigrate } from './migrate.ts';
import { addNodes } from './nodes.ts';
import { addPause } from './pause.ts';
import { addPurge } from './purge.ts';
import { addQshape } from './qshape.ts';
import { addRelease } from './release.ts';
import { addReroute } from './reroute.ts';
import { addResume } from './resume.ts';
import { addRetry } from './retry.ts';
import { addSend } from './send.ts';
import { addSendmail } from './sendmail-command.ts';
import { addServe } from './serve.ts';
import { addShow } from './show.ts';
import { addStatus } from './status.ts';
import { addSuppress } from './suppress.ts';
import { addWork } from './work.ts';

const GROUPS = [
  { title: 'Run:', commands: [addServe, addWork] },
  { title: 'Look:', commands: [addList, addShow, addStatus, addNodes, addAudit, addExplain, addMailq, addQshape] },
  {
    title: 'Act:',
    commands: [
      addRetry,
      addHold,
      addRelease,
      addCancel,
      addPurge,
      addReroute,
      addPause,
      addResume,
      addSend,
      addSendmail,
      addSuppress,
    ],
  },
  { title: 'Set up:', commands: [addCheck, addConfig, addMigrate, addCopy, addHashPassword] },
];

export function buildProgram(cli: Cli): Command {
  const root = new Command('posthaste')
    .description('A durable mail queue: takes mail in a millisecond, keeps it safe, relays it until it is taken.')
    .version(packageVersion(), '--version', 'print the version')
    .addHelpCommand(new Command('help').argument('[command]').description('Explain a command.').helpGroup('Set up:'))
    .configureHelp({ minWidthToWrap: 24 })
    .exitOverride();
  for (const { title, commands } of GROUPS) {
    root.commandsGroup(title);
    for (const add of commands) add(root, cli);
  }
  tellErrors(root, 'posthaste');
  root.addHelpText(
    'after',
    '\nExample:\n  $ posthaste serve --relay smtp://user:password@relay.example.com:587\n\nposthaste help COMMAND tells more.',
  );
  return root;
}

/** What a person did not find, in a line of its own command. Commander adds what it takes to be meant, which says more than where to look. */
const NOT_FOUND = /^(unknown (?:option|command)|missing required|too many arguments)[^\n]*$/;

function tellErrors(command: Command, called: string): void {
  command.configureOutput({
    outputError(text, write) {
      const said = text.replace(/^error: /, '').trimEnd();
      const whole = NOT_FOUND.test(said) ? `${said.replace(/\.$/, '')}; ${called} --help tells what there is` : said;
      write(`posthaste: ${whole.replaceAll('\n', '\nposthaste: ')}\n`);
    },
  });
  for (const each of command.commands) tellErrors(each, `${called} ${each.name()}`);
}
