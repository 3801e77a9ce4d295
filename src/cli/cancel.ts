/** `posthaste cancel`: never sent, and no report. */
import type { Command } from 'commander';
import type { Cli } from './context.ts';
import { addMove } from './move.ts';

export function addCancel(program: Command, cli: Cli): void {
  addMove(program, cli, {
    name: 'cancel',
    description:
      'Remove deliveries from the queue without sending them and without a report to their sender; retry ID brings one back.',
    done: 'cancelled',
    stops: true,
    example: 'cancel --subject "Special offer" --older-than 2h',
    states: ['queued', 'held'],
    statesById: ['queued', 'held', 'captured'],
    run: ({ operator }, filter, manner) => operator.cancel(filter, manner),
  });
}
