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
/** A connection that did not come about, or broke: when, they do not tell. */
const NETWORK_CODES =
  /^(?:ECONNECTION|ETIMEDOUT|ESOCKET|EPROTOCOL|ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENETDOWN|UND_ERR_\w+)$/;

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
  if (reply !== undefined && reply.code >= 400) return classify(stageOf(said), reply, rules);
  const code = String(said.code ?? '');
  const text = `${name}: ${textOf(error)}`;
  if (LOGIN_CODES.has(code) || isAccount(said)) return deferred('relay', text, false);
  if (!NETWORK_CODES.test(code)) return deferred('message', text, false);
  // Read whole, it may have arrived; read in part, it may be why; not read, it is not to blame.
  return deferred(progress === 'none' ? 'relay' : 'message', text, progress === 'whole');
}

/** An API that does not take the account, takes no more from it now, or is ill. */
function isAccount(said: Said): boolean {
  const metadata = asSaid(said.$metadata);
  const status = Number(metadata.httpStatusCode ?? said.statusCode ?? said.status ?? asSaid(said.response).status);
  return status === 401 || status === 403 || status === 429 || (status >= 500 && status <= 599);
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
  return { kind: 'deferred', scope, reply: { code: 451, status: '4.3.0', text }, inDoubt };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
