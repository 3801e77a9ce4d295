/** What pause and resume have in common: relays by name, or all. */
import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import { DEFAULT_RELAY } from '../queue/route.ts';
import type { App, Cli } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { addExamples, addSettings } from './options.ts';

export interface RelayMove {
  readonly name: 'pause' | 'resume';
  readonly description: string;
  readonly done: string;
  readonly run: (app: App, relay: string) => Promise<void>;
}

export function addRelayMove(program: Command, cli: Cli, move: RelayMove): void {
  const command = program.command(`${move.name} [relay]`).description(move.description);
  command.option('--all', 'all relays');
  addSettings(command);
  addExamples(command, `${move.name} ${DEFAULT_RELAY}`, `${move.name} --all`);
  command.action((relay: string | undefined, flags: { all?: true }) =>
    cli.withApp(command, async (app) => {
      for (const name of await chosen(app, move, relay, flags.all === true)) {
        await move.run(app, name);
        await cli.terminal.print(`relay ${name} ${move.done}`);
      }
    }),
  );
}

async function chosen(app: App, move: RelayMove, relay: string | undefined, all: boolean): Promise<readonly string[]> {
  if ((relay === undefined) === !all) throw new Failure(`${move.name} needs the name of a relay, or --all`, EXIT.usage);
  const known = [...new Set([DEFAULT_RELAY, ...(await app.store.relays()).map((state) => state.relay)])];
  if (relay === undefined) return known;
  if (known.includes(relay)) return [relay];
  throw new Failure(`there is no relay ${JSON.stringify(relay)}; known: ${known.join(', ')}`, EXIT.failure);
}

/** Who gives the command, for those who wonder later. A container's user may have no name. */
export function operator(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}@${hostname()}`;
  }
}
