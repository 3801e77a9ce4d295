/** `posthaste hold`: no attempt until released. */
import type { Command } from 'commander';
import type { Cli } from './context.ts';
import { addMove } from './move.ts';

export function addHold(program: Command, cli: Cli): void {
  addMove(program, cli, {
    name: 'hold',
    description: 'Stop deliveries that wait; they stay in the queue until they are released.',
    done: 'held',
    stops: true,
    example: 'hold --sender newsletter@example.com --yes',
    states: ['queued'],
    statesById: ['queued'],
    run: ({ operator }, filter, manner) => operator.hold(filter, manner),
  });
}
