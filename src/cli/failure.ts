/** How a command fails: one clear line, and an exit code that scripts can tell apart. */
import { PosthasteError } from '../errors.ts';
import { printable } from '../mail/reply.ts';

/** From sysexits(3): systemd's RestartPreventExitStatus=64 78 stops a loop of restarts that no restart can mend. */
export const EXIT = {
  fine: 0,
  /** The command could not do what it was asked. */
  failure: 1,
  /** `status`: critical, or the queue cannot be reached. */
  critical: 2,
  /** EX_USAGE: the command line is wrong. */
  usage: 64,
  /** EX_DATAERR, as those below only of `sendmail`: an address or the content is malformed. */
  data: 65,
  /** EX_UNAVAILABLE: the message is refused for good. */
  unavailable: 69,
  /** EX_SOFTWARE: a fault of ours. */
  software: 70,
  /** EX_OSERR: the message could not be read. */
  system: 71,
  /** EX_TEMPFAIL: nothing was kept, and the same may work later; `work --once`: another run has the lock. */
  tryAgain: 75,
  /** EX_NOPERM: this user may not. */
  noPermission: 77,
  /** EX_CONFIG: a setting is wrong, wherever it stands. */
  config: 78,
} as const;

export class Failure extends Error {
  readonly exitCode: number;

  /** Each line of the message becomes a line of its own. */
  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The lines for standard error. The stack is for those who ask for it with POSTHASTE_DEBUG=1. */
export function tellFailure(error: unknown, debug: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  const lines = message.split('\n').map((line) => `posthaste: ${printable(line)}\n`);
  const stack = debug && error instanceof Error ? `${error.stack}\n${causeOf(error)}` : '';
  return lines.join('') + stack;
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? `caused by ${error.cause.stack}\n` : '';
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Failure) return error.exitCode;
  return error instanceof PosthasteError && error.code === 'CONFIG_INVALID' ? EXIT.config : EXIT.failure;
}
