/** What an error of a Nodemailer transport means: the server's reply where it has one, else its code, and how far the content was read. */
import type { Recipient } from '../mail/envelope.ts';
import type { Outcome, Scope } from '../mail/outcome.ts';
import { classify, type Rule, type Stage } from './classify.ts';
import { abortFault } from './faults.ts';
import { asSaid, outcomesOf, rejections, replyOf, type Said } from './nodemailer-info.ts';

/** How much of the content the transport has read. It may read it long before the server gets it, never after. */
export type Progress = 'none' | 'part' | 'whole';

/** The way to the server, or to the account there. */
const LOGIN_CODES = new Set(['EAUTH', 'ENOAUTH', 'EOAUTH2', 'ECONFIG', 'EPROXY', 'ETLS', 'EDNS']);
/** A connection that did not come about, whatever of the content was read for it: transports to an API read it first. */
const CONNECT_CODES =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENETDOWN|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|ERR_TLS_CERT_ALTNAME_INVALID)$/;
/** A connection that did not come about, or broke: when, they do not tell. */
const NETWORK_CODES = /^(?:ECONNECTION|ETIMEDOUT|ESOCKET|EPROTOCOL|ECONNRESET|EPIPE|UND_ERR_\w+)$/;
/** Errors within errors that are looked through for a code. */
const MAX_CAUSES = 5;

export function failedOutcomes(
  name: string,
  recipients: readonly Recipient[],
  error: unknown,
  progress: Progress,
  rules?: readonly Rule[],
): Outcome[] {
  const said = asSaid(error);
  return outcomesOf(recipients, rejections(said, rules), wholeOutcome(name, error, progress, rules));
}

export function gaveUp(name: string): Outcome {
  return classify('lost', abortFault(name));
}

export function tookTooLong(name: string, ms: number, progress: Progress): Outcome {
  return deferred('message', `${name} did not answer within ${ms / 1000} s`, progress === 'whole');
}

/** For everybody of whom the error says nothing in particular. What nobody knows is deferred. */
function wholeOutcome(name: string, error: unknown, progress: Progress, rules?: readonly Rule[]): Outcome {
  const said = asSaid(error);
  const reply = replyOf(said);
  if (reply !== undefined && reply.code >= 400)
    return ofThisMessage(stageOf(said), classify(stageOf(said), reply, rules));
  const code = codeOf(error);
  const text = `${name}: ${textOf(error)}`;
  if (LOGIN_CODES.has(code) || isBusy(said)) return deferred('relay', text, false);
  if (CONNECT_CODES.test(code)) return deferred('relay', text, false);
  // It may not send this one, or none.
  if (isForbidden(said)) return ofThisMessage('dot', deferred('relay', text, false));
  if (!NETWORK_CODES.test(code)) return deferred('message', text, false);
  // Read whole, it may have arrived; read in part, it may be why; not read, it is not to blame.
  return deferred(progress === 'none' ? 'relay' : 'message', text, progress === 'whole');
}

/** The code of the network's error, which fetch wraps in one of its own; what only says that it took too long counts as one. */
function codeOf(error: unknown): string {
  let said = asSaid(error);
  for (let depth = 0; depth < MAX_CAUSES; depth++) {
    if (typeof said.code === 'string') return said.code;
    if (said.name === 'TimeoutError') return 'ETIMEDOUT';
    said = asSaid(Array.isArray(said.errors) ? said.errors[0] : said.cause);
  }
  return '';
}

/** A fault of the relay in the transaction of this message bears the mark of it. */
function ofThisMessage(stage: Stage, outcome: Outcome): Outcome {
  const begun = stage === 'mail' || stage === 'rcpt' || stage === 'data' || stage === 'dot';
  if (!begun || outcome.kind !== 'deferred' || outcome.scope !== 'relay') return outcome;
  return { ...outcome, during: 'own' };
}

/** An API that takes no more now, or is ill. */
function isBusy(said: Said): boolean {
  const status = httpStatus(said);
  return status === 429 || (status >= 500 && status <= 599);
}

/** An API that does not take the account, or not for this. */
function isForbidden(said: Said): boolean {
  const status = httpStatus(said);
  return status === 401 || status === 403;
}

function httpStatus(said: Said): number {
  const metadata = asSaid(said.$metadata);
  return Number(metadata.httpStatusCode ?? said.statusCode ?? said.status ?? asSaid(said.response).status);
}

/** `command` is what Nodemailer waited for. It writes DATA for the reply to DATA and for that to the final dot. */
function stageOf({ command, code }: Said): Stage {
  const word = String(command ?? '').toUpperCase();
  if (word.startsWith('AUTH') || code === 'EAUTH') return 'auth';
  const stages: Readonly<Record<string, Stage>> = {
    CONN: 'greeting',
    EHLO: 'ehlo',
    HELO: 'ehlo',
    LHLO: 'ehlo',
    STARTTLS: 'tls',
    'MAIL FROM': 'mail',
    'RCPT TO': 'rcpt',
    DATA: code === 'EENVELOPE' ? 'data' : 'dot',
  };
  return stages[word] ?? 'dot';
}

function deferred(scope: Scope, text: string, inDoubt: boolean): Outcome {
  return { kind: 'deferred', scope, reply: { code: 451, status: '4.3.0', text, ours: true }, inDoubt };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
