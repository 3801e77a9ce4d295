/** `posthaste release`: what was held goes on. */
import type { Command } from 'commander';
import type { Cli } from './context.ts';
import { addMove } from './move.ts';

export function addRelease(program: Command, cli: Cli): void {
  addMove(program, cli, {
    name: 'release',
    description: 'Let deliveries go on that were held; they are due at once.',
    done: 'released',
    example: 'release --all',
    states: ['held'],
    statesById: ['held'],
    run: ({ operator }, filter, manner) => operator.release(filter, manner),
  });
}
