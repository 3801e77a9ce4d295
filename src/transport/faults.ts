/** Faults of network and TLS as replies of our own: they name the relay, say what happened and what to do (RFC 3463). */
import type { Reply } from '../mail/reply.ts';

const NO_ANSWER = '4.4.1';
const BAD_CONNECTION = '4.4.2';
const NO_SUCH_NAME = '4.4.3';
const TLS = '4.7.5';
const LOGIN = '4.7.0';
const NO_SMTP = '4.5.0';

function fault(status: string, text: string): Reply {
  return { code: 451, status, text, ours: true };
}

/** The word for an error of `connect`, by its code. */
const CONNECT_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused: nothing listens there; check host and port, and that the relay runs',
  ETIMEDOUT: 'got no answer: check host and port, and whether a firewall is in the way',
  EHOSTUNREACH: 'failed: there is no way to that host',
  ENETUNREACH: 'failed: there is no way to that network; check the network of this machine',
  ECONNRESET: 'was reset by the other side',
  EACCES: 'is forbidden on this machine',
  EPERM: 'is forbidden on this machine, perhaps by a firewall',
  EMFILE: 'failed: this process has too many files open; raise its limit (ulimit -n)',
};

/** The connection could not be made. */
export function connectFault(peer: string, error: unknown): Reply {
  const code = errorCode(error);
  if (code === 'ENOTFOUND')
    return fault(NO_SUCH_NAME, `connect to ${peer} failed: DNS knows no such host; check its name`);
  if (code === 'EAI_AGAIN')
    return fault(NO_SUCH_NAME, `connect to ${peer} failed: DNS gave no answer; check the network of this machine`);
  return fault(
    NO_ANSWER,
    `connect to ${peer} ${CONNECT_WORDS[code] ?? `failed: ${errorText(error ?? 'it was closed')}`}`,
  );
}

export function timeoutFault(peer: string, what: string, ms: number): Reply {
  return fault(what === 'connect' ? NO_ANSWER : BAD_CONNECTION, timeoutText(peer, what, ms));
}

const WAITED_FOR: Readonly<Record<string, string>> = {
  tls: 'did not finish the TLS handshake',
  greeting: 'did not greet (a port for implicit TLS would wait like that: then use smtps://)',
  block: 'took no more of the content',
  dot: 'did not answer the end of the content',
  quit: 'did not answer QUIT',
};

function timeoutText(peer: string, what: string, ms: number): string {
  const time = ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
  if (what === 'credentials') return `no credentials for ${peer} came within ${time}: check where they come from`;
  if (what === 'connect')
    return `connect to ${peer} got no answer within ${time}: check host and port, and whether a firewall is in the way`;
  return `${peer} ${WAITED_FOR[what] ?? `did not answer ${what.toUpperCase()}`} within ${time}`;
}

/** The connection broke while something was awaited. `error` is absent when the relay closed it in good order. */
export function brokenFault(peer: string, what: string, error: unknown): Reply {
  const how = error === undefined ? 'closed the connection' : `broke the connection (${errorText(error)})`;
  const when = {
    greeting: 'before its greeting',
    block: 'while the content went out',
    dot: 'before it answered the end of the content',
  }[what];
  return fault(BAD_CONNECTION, `${peer} ${how} ${when ?? `before it answered ${what.toUpperCase()}`}`);
}

export function abortFault(peer: string): Reply {
  return fault('4.3.0', `posthaste is stopping: handing over to ${peer} was given up`);
}

export function contentFault(peer: string): Reply {
  return fault('4.3.0', `the content could not be read: handing over to ${peer} was given up`);
}

/** The handshake failed. OpenSSL's words for the two usual mistakes tell nobody what to do. */
export function tlsFault(peer: string, error: unknown): Reply {
  const code = errorCode(error);
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return fault(
      TLS,
      `TLS with ${peer} failed: it does not speak TLS at this point; a port for STARTTLS wants smtp://, not smtps://`,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return fault(TLS, `TLS with ${peer} failed: its certificate is for another name (${errorText(error)})`);
  if (CERTIFICATE.test(code)) {
    return fault(
      TLS,
      `TLS with ${peer} failed: its certificate cannot be verified (${errorText(error)}); give its CA, or choose the TLS level "required"`,
    );
  }
  return fault(TLS, `TLS with ${peer} failed: ${errorText(error)}`);
}

const CERTIFICATE = /SELF_SIGNED|UNABLE_TO_|^CERT_|CA_/;

export function noStartTlsFault(peer: string): Reply {
  return fault(
    TLS,
    `${peer} offers no STARTTLS, but TLS is required: use the port for smtps://, or set the TLS level "none" if you trust the network`,
  );
}

/** The credentials could not be had: a file that is not there, a token that nobody gives. */
export function credentialsFault(peer: string, error: unknown): Reply {
  return fault(LOGIN, `no credentials for ${peer}: ${errorText(error)}`);
}

/** `token`: what we have is an access token and no password. */
export function noLoginFault(peer: string, offered: readonly string[] | undefined, token: boolean): Reply {
  if (offered === undefined)
    return fault(
      LOGIN,
      `${peer} offers no login, but a user name is set: check the port, or take user and password out`,
    );
  const wanted = token ? 'that takes an access token' : 'that posthaste knows';
  return fault(LOGIN, `${peer} offers no login ${wanted} (it offers ${offered.join(' ') || 'none'})`);
}

export function clearLoginFault(peer: string): Reply {
  return fault(
    LOGIN,
    `${peer} takes the password only in clear text, and the connection is not encrypted: use TLS, or allow clear passwords`,
  );
}

export function noSmtpFault(peer: string, line: string): Reply {
  const said = line.length > 80 ? `${line.slice(0, 80)}...` : line;
  return fault(NO_SMTP, `${peer} answered what is no SMTP reply: ${JSON.stringify(said)}`);
}

/** `during`: what is being answered; absent where nothing was asked. */
export function endlessFault(peer: string, during: string | undefined): Reply {
  const reply = {
    greeting: 'its greeting',
    dot: 'its answer to the end of the content',
  }[during ?? ''];
  const what = reply ?? (during === undefined ? 'what it says unasked' : `its answer to ${during.toUpperCase()}`);
  return fault(NO_SMTP, `${peer} talks on and on: ${what} does not end within 64 KB; check host and port`);
}

export function unexpectedFault(peer: string, what: string, reply: Reply): Reply {
  return fault(NO_SMTP, `${peer} answered ${what} with ${reply.code}, which has no meaning there: ${reply.text}`);
}

function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

function errorText(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorText(error.errors[0]);
  return error instanceof Error ? error.message || errorCode(error) : String(error);
}
