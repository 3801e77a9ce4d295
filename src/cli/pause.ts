/** `posthaste pause`: no mail goes to a relay. */
import type { Command } from 'commander';
import type { Cli } from './context.ts';
import { addRelayMove } from './relay-state.ts';

export function addPause(program: Command, cli: Cli): void {
  addRelayMove(program, cli, {
    name: 'pause',
    description: 'Send nothing to a relay until it is resumed; mail is taken and waits, at most until its maxAge.',
    done: 'paused: its mail waits until posthaste resume, or bounces at its maxAge',
    run: ({ operator }, relay, reason) => operator.pauseRelay(relay, { reason }),
  });
}
