/** Errors as HTTP tells them: application/problem+json (RFC 9457), with the codes of the library's errors. */
import { type ErrorCode, PosthasteError } from '../errors.ts';

const STATUS: Readonly<Record<ErrorCode, number>> = {
  CONFIG_INVALID: 500,
  LISTEN_FAILED: 500,
  ADDRESS_INVALID: 400,
  NO_RECIPIENTS: 400,
  TOO_MANY_RECIPIENTS: 400,
  MESSAGE_TOO_LARGE: 413,
  MESSAGE_REFUSED: 422,
  KEY_CONFLICT: 409,
  ALREADY_SUBMITTED: 409,
  SOME_NOT_KEPT: 500,
  RETRY_INVALID: 400,
  OPTION_INVALID: 400,
  FILTER_INVALID: 400,
  SUPPRESSION_INVALID: 400,
  NOT_FOUND: 404,
  WAIT_TIMEOUT: 504,
  TRANSACTION_UNKNOWN: 400,
  TRANSACTION_NOT_OPEN: 400,
  TRANSACTION_ELSEWHERE: 400,
  LOGIN_REQUIRED: 401,
  NOT_ALLOWED: 403,
  TOO_MANY_TRIES: 429,
  REQUEST_TOO_LARGE: 413,
  STORE_UNAVAILABLE: 503,
  STORE_NEWER: 503,
  COPY_REFUSED: 409,
  STOPPED: 503,
};

/** The part of a request that is wrong, as `filter.state`, and why. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** What a request is refused with, where a code and a sentence are not all. */
export class Refusal extends PosthasteError {
  readonly status: number | undefined;
  readonly faults: readonly Fault[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    more: {
      readonly status?: number;
      readonly faults?: readonly Fault[];
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(code, message);
    this.status = more.status;
    this.faults = more.faults ?? [];
    this.headers = more.headers ?? {};
  }
}

export function notFound(what: string): Refusal {
  return new Refusal('NOT_FOUND', `There is no ${what}.`);
}

export function isTold(error: unknown): error is PosthasteError {
  return error instanceof PosthasteError;
}

/** What is no error of ours says nothing of itself to the client. */
export function problemResponse(error: unknown): Response {
  if (!isTold(error))
    return answer({ status: 500, title: 'INTERNAL_ERROR', detail: 'Something broke; the log tells.' });
  const refusal = error instanceof Refusal ? error : undefined;
  const body = {
    status: refusal?.status ?? STATUS[error.code],
    title: error.code,
    code: error.code,
    detail: error.message,
    ...(error.id !== undefined && { id: error.id }),
    ...(refusal !== undefined && refusal.faults.length > 0 && { errors: refusal.faults }),
  };
  return answer(body, refusal?.headers);
}

function answer(
  body: { readonly status: number; readonly [field: string]: unknown },
  headers: Readonly<Record<string, string>> = {},
): Response {
  const type = { 'content-type': 'application/problem+json' };
  return new Response(JSON.stringify({ type: 'about:blank', ...body }), {
    status: body.status,
    headers: { ...type, ...headers },
  });
}
