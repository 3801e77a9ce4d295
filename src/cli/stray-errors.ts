/** Errors that nobody waits for, in a process that delivers: most come from a hook or a transport of the user's own. */
import { inspect } from 'node:util';
import type { Log } from '../runtime/log.ts';
import { EXIT } from './failure.ts';

/**
 * A promise that was left behind concerns nobody's mail: it is logged, and mail goes on. An exception may have stopped any part
 * half way: it is logged, and ends the process, whose restart finds the queue as it was last written.
 */
export function logStrayErrors(log: Log): void {
  process.on('unhandledRejection', (reason) => {
    log.error({ err: asError(reason) }, 'a promise failed that nobody waits for');
  });
  process.on('uncaughtException', (thrown) => {
    log.error({ err: asError(thrown) }, 'an exception that nobody caught ends the process');
    process.exit(EXIT.failure);
  });
}

/** Anything can be thrown. */
function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(inspect(thrown));
}
