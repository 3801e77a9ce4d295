/** Command lines and their arguments, parsed (RFC 5321 4.1.1, RFC 3461 4, RFC 6531 3.4): strict, in one pass, without recursion. */
import { needsSmtpUtf8 } from '../../mail/address.ts';
import { isEnvelopeId, isNotify, isOriginalRecipient, type Notify, type Recipient } from '../../mail/envelope.ts';
import { recipientRejection, senderRejection } from '../accept.ts';
import {
  BAD_PARAMETER,
  BAD_RECIPIENT,
  MALFORMED_ARGUMENT,
  PATH_REQUIRED,
  type Rejection,
  UNKNOWN_PARAMETER,
} from '../rejections.ts';

export interface CommandLine {
  /** In upper case. */
  readonly verb: string;
  readonly argument: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Splits a line given as latin1 text of its octets; undefined when it is not UTF-8 or has control characters. */
export function splitLine(line: string): CommandLine | undefined {
  const text = decodeLine(line);
  if (text === undefined) return undefined;
  const space = text.indexOf(' ');
  if (space === -1) return { verb: text.toUpperCase(), argument: '' };
  return { verb: text.slice(0, space).toUpperCase(), argument: text.slice(space + 1).trim() };
}

function decodeLine(line: string): string | undefined {
  if (/^[\x20-\x7e]*$/.test(line)) return line;
  try {
    const text = utf8.decode(Buffer.from(line, 'latin1'));
    return /\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

export interface MailCommand {
  /** null is `<>`. */
  readonly sender: string | null;
  /** Octets that the client announces; 0 when it does not. */
  readonly size: number;
  readonly smtputf8: boolean;
  readonly ret?: 'full' | 'hdrs';
  readonly envelopeId?: string;
}

/** Reads what follows MAIL. */
export function parseMail(argument: string): MailCommand | Rejection {
  const path = splitPath(argument, 'FROM:');
  if (path === undefined) return PATH_REQUIRED;
  const parameters = splitParameters(path.rest);
  if (parameters === undefined) return BAD_PARAMETER;
  const fault = parameterFault(parameters, MAIL_PARAMETERS);
  if (fault !== undefined) return fault;
  const sender = path.mailbox === '' ? null : path.mailbox;
  const smtputf8 = parameters.has('SMTPUTF8');
  const rejection = senderRejection(sender, smtputf8);
  if (rejection !== undefined) return rejection;
  const ret = parameters.get('RET');
  const envelopeId = parameters.get('ENVID');
  return {
    sender,
    size: Number(parameters.get('SIZE') ?? 0),
    smtputf8,
    ...(ret !== undefined && { ret: ret.toUpperCase() === 'FULL' ? 'full' : 'hdrs' }),
    ...(envelopeId !== undefined && { envelopeId }),
  };
}

/** Reads what follows RCPT. `hostname` completes `<postmaster>`, the one mailbox that needs no domain (RFC 5321 4.5.1). */
export function parseRcpt(argument: string, smtputf8: boolean, hostname: string): Recipient | Rejection {
  const path = splitPath(argument, 'TO:');
  if (path === undefined) return PATH_REQUIRED;
  const parameters = splitParameters(path.rest);
  if (parameters === undefined) return BAD_PARAMETER;
  const fault = parameterFault(parameters, RCPT_PARAMETERS);
  if (fault !== undefined) return fault;
  const address = /^postmaster$/i.test(path.mailbox) ? `${path.mailbox}@${hostname}` : path.mailbox;
  const rejection = address === '' ? BAD_RECIPIENT : recipientRejection(address, smtputf8);
  if (rejection !== undefined) return rejection;
  const notify = parameters.get('NOTIFY');
  const originalRecipient = parameters.get('ORCPT');
  if (!smtputf8 && needsSmtpUtf8(originalRecipient ?? '')) return BAD_PARAMETER;
  return {
    address,
    ...(notify !== undefined && { notify: notify.toLowerCase().split(',') as Notify[] }),
    ...(originalRecipient !== undefined && { originalRecipient }),
  };
}

export interface BdatCommand {
  readonly size: number;
  readonly last: boolean;
}

/** Reads what follows BDAT (RFC 3030 2); undefined when it is malformed. */
export function parseBdat(argument: string): BdatCommand | undefined {
  const match = /^(\d{1,15})( +LAST)?$/i.exec(argument);
  return match === null ? undefined : { size: Number(match[1]), last: match[2] !== undefined };
}

interface Path {
  readonly mailbox: string;
  readonly rest: string;
}

/** `FROM:<@a,@b:user@example.com> ...`: the mailbox without the source route, which is ignored (RFC 5321 appendix C). */
function splitPath(argument: string, keyword: string): Path | undefined {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return undefined;
  const path = argument.slice(keyword.length).trimStart();
  if (!path.startsWith('<')) return undefined;
  const end = pathEnd(path);
  if (end === -1) return undefined;
  const rest = path.slice(end + 1);
  if (rest !== '' && !rest.startsWith(' ')) return undefined;
  return { mailbox: withoutRoute(path.slice(1, end)), rest };
}

/** The `>` that is not inside a quoted local part. */
function pathEnd(path: string): number {
  let quoted = false;
  for (let i = 1; i < path.length; i++) {
    const char = path[i];
    if (quoted && char === '\\') i++;
    else if (char === '"') quoted = !quoted;
    else if (char === '>' && !quoted) return i;
  }
  return -1;
}

function withoutRoute(path: string): string {
  const mailbox = path.startsWith('@') ? path.slice(path.indexOf(':') + 1) : path;
  return mailbox === '' ? path : mailbox;
}

/** Keywords in upper case with their values, '' where there is none; undefined when one is malformed or comes twice. */
function splitParameters(rest: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const word of rest.split(' ')) {
    if (word === '') continue;
    const equals = word.indexOf('=');
    const keyword = (equals === -1 ? word : word.slice(0, equals)).toUpperCase();
    if (!/^[A-Z0-9][A-Z0-9-]*$/.test(keyword) || parameters.has(keyword)) return undefined;
    parameters.set(keyword, equals === -1 ? '' : word.slice(equals + 1));
  }
  return parameters;
}

type Form = (value: string) => boolean;

/** What each parameter may be. AUTH is taken and not used, as RFC 4954 5 allows to a server that does not trust its clients. */
const MAIL_PARAMETERS: ReadonlyMap<string, Form> = new Map<string, Form>([
  ['SIZE', (value) => /^\d{1,20}$/.test(value)],
  ['BODY', (value) => /^(?:7BIT|8BITMIME)$/i.test(value)],
  ['SMTPUTF8', (value) => value === ''],
  ['RET', (value) => /^(?:FULL|HDRS)$/i.test(value)],
  ['ENVID', isEnvelopeId],
  ['AUTH', (value) => /^[!-~]+$/.test(value)],
]);

const RCPT_PARAMETERS: ReadonlyMap<string, Form> = new Map<string, Form>([
  ['NOTIFY', (value) => isNotify(value.toLowerCase().split(','))],
  ['ORCPT', isOriginalRecipient],
]);

function parameterFault(
  parameters: ReadonlyMap<string, string>,
  known: ReadonlyMap<string, Form>,
): Rejection | undefined {
  for (const [keyword, value] of parameters) {
    const form = known.get(keyword);
    if (form === undefined) return UNKNOWN_PARAMETER;
    if (!form(value)) return keyword === 'BODY' ? MALFORMED_ARGUMENT : BAD_PARAMETER;
  }
  return undefined;
}
