/** `posthaste reroute`: another relay for what waits. */
import type { Command } from 'commander';
import { knownRelays } from '../app/known-relays.ts';
import type { Cli } from './context.ts';
import { ID_HELP } from './ids.ts';
import { addChoice, type Move, type MoveFlags, moveChosen } from './move.ts';
import { addExamples, addSettings } from './options.ts';
import { mustKnow } from './relays.ts';

interface RerouteFlags extends MoveFlags {
  readonly toRelay: string;
}

export function addReroute(program: Command, cli: Cli): void {
  const command = program
    .command('reroute')
    .argument('[id...]', ID_HELP)
    .description(
      'Give deliveries that wait or are held to another relay; when each is due, and what is held, stays as it is.',
    );
  command.requiredOption('--to-relay <name>', 'the relay that is to take them');
  addChoice(command, 'queued, held');
  addSettings(command);
  addExamples(
    command,
    'reroute 0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11 --to-relay backup',
    'reroute --relay old --to-relay new --yes',
  );
  command.action((ids: readonly string[], flags: RerouteFlags) =>
    cli.withApp(command, async (app, config) => {
      const to = mustKnow(flags.toRelay, await knownRelays(app, config));
      await moveChosen(cli, app, rerouteTo(to), ids, flags);
    }),
  );
}

function rerouteTo(relay: string): Move {
  return {
    name: 'reroute',
    done: `rerouted to ${relay}`,
    states: ['queued', 'held'],
    statesById: ['queued', 'held'],
    hint: ' (what is there already stays, and what is in doubt moves only with --in-doubt)',
    run: ({ operator }, filter, manner) => operator.reroute(filter, relay, manner),
  };
}
