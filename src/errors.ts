/** Misuse of the library and of its settings, as coded errors: each says what is wrong, where, and what to do. */

export type ErrorCode =
  | 'CONFIG_INVALID'
  | 'LISTEN_FAILED'
  | 'ADDRESS_INVALID'
  | 'NO_RECIPIENTS'
  | 'TOO_MANY_RECIPIENTS'
  | 'MESSAGE_TOO_LARGE'
  | 'MESSAGE_REFUSED'
  | 'KEY_CONFLICT'
  | 'RETRY_INVALID'
  | 'NOT_FOUND'
  | 'STORE_UNAVAILABLE'
  | 'STORE_NEWER'
  | 'STOPPED';

export class PosthasteError extends Error {
  override readonly name = 'PosthasteError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
