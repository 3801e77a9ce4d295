/** `posthaste resume`: mail goes to a relay again. */
import type { Command } from 'commander';
import type { Cli } from './context.ts';
import { addRelayMove } from './relay-state.ts';

export function addResume(program: Command, cli: Cli): void {
  addRelayMove(program, cli, {
    name: 'resume',
    description: 'Send to a relay again that was paused; also ends the wait after its faults.',
    done: 'resumed',
    run: ({ operator }, relay, reason) => operator.resumeRelay(relay, { reason }),
  });
}
