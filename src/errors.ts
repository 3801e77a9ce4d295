/** Misuse of the library and of its settings, as coded errors: each says what is wrong, where, and what to do. */
import { inspect } from 'node:util';

/** What went wrong, for programs. */
export type ErrorCode =
  | 'CONFIG_INVALID'
  | 'LISTEN_FAILED'
  | 'ADDRESS_INVALID'
  | 'NO_RECIPIENTS'
  | 'TOO_MANY_RECIPIENTS'
  | 'MESSAGE_TOO_LARGE'
  | 'MESSAGE_REFUSED'
  | 'KEY_CONFLICT'
  | 'ALREADY_SUBMITTED'
  | 'SOME_NOT_KEPT'
  | 'RETRY_INVALID'
  | 'OPTION_INVALID'
  | 'FILTER_INVALID'
  | 'SUPPRESSION_INVALID'
  | 'NOT_FOUND'
  | 'WAIT_TIMEOUT'
  | 'TRANSACTION_UNKNOWN'
  | 'TRANSACTION_NOT_OPEN'
  | 'TRANSACTION_ELSEWHERE'
  | 'LOGIN_REQUIRED'
  | 'NOT_ALLOWED'
  | 'TOO_MANY_TRIES'
  | 'REQUEST_TOO_LARGE'
  | 'STORE_UNAVAILABLE'
  | 'STORE_NEWER'
  | 'COPY_REFUSED'
  | 'STOPPED';

/** Misuse of the library or its settings, or a queue that cannot be had now: `code` says which, `message` what to do. */
export class PosthasteError extends Error {
  override readonly name = 'PosthasteError';
  readonly code: ErrorCode;
  /** With KEY_CONFLICT: the message that has the key. */
  declare readonly id?: string;
  /** With STORE_UNAVAILABLE, only there and only then: the answer to a commit was lost, and what was asked for may have been done. */
  declare readonly inDoubt?: true;

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { readonly id?: string; readonly inDoubt?: true } = {},
  ) {
    super(message, options);
    this.code = code;
    if (options.id !== undefined) this.id = options.id;
    if (options.inDoubt === true) this.inDoubt = true;
  }
}

/** The store cannot be used now, and may be again: what was asked of it failed through no fault of the asker. */
export function isStoreAway(error: unknown): error is PosthasteError {
  return error instanceof PosthasteError && error.code === 'STORE_UNAVAILABLE';
}

/** The same error of a store, where it broke off in the middle of a commit. */
export function inDoubt(error: PosthasteError): PosthasteError {
  const text = `${error.message} The answer to a commit was lost: what was asked for may have been done.`;
  return new PosthasteError(error.code, text, { cause: error.cause, inDoubt: true });
}

/** Characters of a value in an error. */
const MAX_SHOWN = 1_000;

/** A value as an error names it, on one line: as JSON where that has a form for it, which is not so for `undefined`, circles and invalid times. */
export function shown(value: unknown): string {
  const text = jsonOf(value) ?? inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}

function jsonOf(value: unknown): string | undefined {
  if (value instanceof Date && Number.isNaN(value.getTime())) return undefined;
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  try {
    return JSON.stringify(value);
  } catch {
    // A circle, or a BigInt.
    return undefined;
  }
}

/** Throws OPTION_INVALID where what should have named options is no object, or names one that is none of `names`: it would do nothing. */
export function checkOptions(options: unknown, names?: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new PosthasteError('OPTION_INVALID', `The options are ${shown(options)}: give an object, or nothing.`);
  }
  const unknown = names && Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new PosthasteError('OPTION_INVALID', `There is no option ${unknown}: there are ${names?.join(', ')}.`);
}

/** What to do where a server cannot listen, by the code of its error. */
const LISTEN_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another program listens there: stop it, or choose another address',
  EADDRNOTAVAIL: 'This machine has no such address: choose another',
  EACCES: 'This user may not listen there, as on ports below 1024: choose another address',
  ENOTFOUND: 'Nobody knows that name: choose another address',
};

/** `where` as people write it; `setting`: the one that says so, by the name that it has in a file. */
export function listenFailed(where: string, setting: string, cause: NodeJS.ErrnoException): PosthasteError {
  const advice = LISTEN_ADVICE[cause.code ?? ''] ?? 'Choose another address';
  const text = `Cannot listen on ${where}: ${cause.message}. ${advice} with the setting ${setting} (--${setting}).`;
  return new PosthasteError('LISTEN_FAILED', text, { cause });
}
