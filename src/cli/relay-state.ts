/** What pause and resume have in common: relays by name, or all. */
import type { Command } from 'commander';
import { knownRelays } from '../app/known-relays.ts';
import type { Config } from '../config/settings.ts';
import { DEFAULT_RELAY } from '../queue/route.ts';
import type { App, Cli } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { addExamples, addReason, addSettings } from './options.ts';
import { mustKnow } from './relays.ts';

export interface RelayMove {
  readonly name: 'pause' | 'resume';
  readonly description: string;
  readonly done: string;
  readonly run: (app: App, relay: string, reason: string | undefined) => Promise<void>;
}

export function addRelayMove(program: Command, cli: Cli, move: RelayMove): void {
  const command = program.command(`${move.name} [relay]`).description(move.description);
  command.option('--all', 'all relays');
  addReason(command);
  command.option('--json', 'one JSON object: command, count of relays, relays by name');
  addSettings(command);
  addExamples(command, `${move.name} ${DEFAULT_RELAY}`, `${move.name} --all`);
  command.action((relay: string | undefined, flags: { all?: true; reason?: string; json?: true }) =>
    cli.withApp(command, async (app, config) => {
      const relays = await chosen(app, config, move, relay, flags.all === true);
      for (const name of relays) {
        await move.run(app, name, flags.reason);
        if (flags.json !== true) await cli.terminal.print(`relay ${name} ${move.done}`);
      }
      if (flags.json === true) await cli.terminal.printJson({ command: move.name, count: relays.length, relays });
    }),
  );
}

async function chosen(
  app: App,
  config: Config,
  move: RelayMove,
  relay: string | undefined,
  all: boolean,
): Promise<readonly string[]> {
  if ((relay === undefined) === !all) throw new Failure(`${move.name} needs the name of a relay, or --all`, EXIT.usage);
  const known = await knownRelays(app, config);
  return relay === undefined ? known : [mustKnow(relay, known)];
}
