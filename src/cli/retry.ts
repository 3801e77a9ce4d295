/** `posthaste retry`: due at once. */
import type { Command } from 'commander';
import type { Cli } from './context.ts';
import { addMove } from './move.ts';

export function addRetry(program: Command, cli: Cli): void {
  addMove(program, cli, {
    name: 'retry',
    description:
      'Try deliveries at once that wait for their next attempt; by id or --state also those that were given up, captured or cancelled.',
    done: 'queued for an attempt at once',
    example: 'retry --deferred --recipient @example.com',
    states: ['queued'],
    statesById: ['queued', 'captured', 'bounced', 'cancelled'],
    // Cron does it too: they would be tried anyway, only later.
    harmlessIn: ['queued'],
    run: ({ operator }, filter, manner) => operator.retry(filter, manner),
  });
}
