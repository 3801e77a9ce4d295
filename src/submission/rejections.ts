/** Everything that we refuse, by name: code, enhanced status (RFC 3463) and a sentence that says what to do about it. */
import type { Reply } from '../mail/reply.ts';

export interface Rejection extends Reply {
  readonly status: string;
}

function rejection(code: number, status: string, text: string): Rejection {
  return { code, status, text };
}

export function isRejection(value: object | string): value is Rejection {
  return typeof value === 'object' && 'code' in value && 'status' in value;
}

// Sessions.
export const TOO_MANY_CONNECTIONS = rejection(421, '4.7.0', 'too many connections, try again later');
export const TOO_MANY_ERRORS = rejection(421, '4.7.0', 'too many errors, closing the connection');
export const IDLE_TOO_LONG = rejection(421, '4.4.2', 'nothing heard for too long, closing the connection');
export const SHUTTING_DOWN = rejection(421, '4.3.2', 'shutting down, try again later');
export const INTERNAL_ERROR = rejection(421, '4.3.0', 'internal error, try again later');
export const CLIENT_NOT_ALLOWED = rejection(554, '5.7.1', 'this client may not submit mail here');
export const BAD_CHUNK = rejection(421, '4.7.0', 'malformed BDAT, nobody knows where its octets end');
export const NOT_SMTP = rejection(421, '4.7.0', 'this is an SMTP server, not a web server');

// Command lines (RFC 5321 4.2.4 and 4.3.2).
export const UNKNOWN_COMMAND = rejection(500, '5.5.2', 'command not recognized');
export const LINE_TOO_LONG = rejection(500, '5.5.6', 'command line too long');
export const MALFORMED_LINE = rejection(500, '5.5.2', 'command lines must be UTF-8 without control characters');
export const MALFORMED_ARGUMENT = rejection(501, '5.5.4', 'malformed argument');
export const NO_ARGUMENT_ALLOWED = rejection(501, '5.5.4', 'this command takes no argument');
export const NAME_REQUIRED = rejection(501, '5.5.4', 'HELO and EHLO need the name of the client');
export const PATH_REQUIRED = rejection(
  501,
  '5.5.2',
  'the address must stand in angle brackets, as in FROM:<user@example.com>',
);
export const UNKNOWN_PARAMETER = rejection(555, '5.5.4', 'parameter not recognized');
export const BAD_PARAMETER = rejection(501, '5.5.4', 'malformed or repeated parameter');

// Order of commands.
export const HELLO_FIRST = rejection(503, '5.5.1', 'send EHLO or HELO first');
export const MAIL_FIRST = rejection(503, '5.5.1', 'send MAIL first');
export const MAIL_ALREADY = rejection(503, '5.5.1', 'a transaction is open, send RSET first');
export const CONTENT_ALREADY = rejection(503, '5.5.1', 'the content has begun with BDAT, go on with BDAT or RSET');
export const CHUNK_REFUSED = rejection(503, '5.5.1', 'a chunk of the content was refused, send RSET first');
export const NO_VALID_RECIPIENTS = rejection(554, '5.5.1', 'no valid recipients');

// Login and TLS (RFC 4954, RFC 3207).
export const LOGIN_REQUIRED = rejection(530, '5.7.0', 'login required');
export const LOGIN_FAILED = rejection(535, '5.7.8', 'user or password is wrong');
export const LOGIN_UNAVAILABLE = rejection(454, '4.7.0', 'login cannot be checked now, try again later');
export const LOGIN_NOT_OFFERED = rejection(502, '5.5.1', 'no login is configured');
export const LOGIN_NEEDS_TLS = rejection(538, '5.7.11', 'login needs TLS, send STARTTLS first');
export const LOGIN_ALREADY = rejection(503, '5.5.1', 'logged in already');
export const LOGIN_CANCELLED = rejection(501, '5.7.0', 'login cancelled');
export const LOGIN_MALFORMED = rejection(501, '5.5.2', 'malformed login data');
export const UNKNOWN_MECHANISM = rejection(504, '5.5.4', 'login mechanism not known, use PLAIN or LOGIN');
export const TLS_NOT_OFFERED = rejection(502, '5.5.1', 'no certificate is configured');
export const TLS_ALREADY = rejection(503, '5.5.1', 'TLS is active already');

// Envelope.
export const BAD_SENDER = rejection(553, '5.1.7', 'malformed sender address');
export const BAD_RECIPIENT = rejection(553, '5.1.3', 'malformed recipient address');
export const NEEDS_SMTPUTF8 = rejection(553, '5.6.7', 'an address outside ASCII needs the SMTPUTF8 parameter');
export const TOO_MANY_RECIPIENTS = rejection(452, '4.5.3', 'too many recipients');
export const STORAGE_FULL = rejection(452, '4.3.1', 'not enough free disk space, try again later');

// Content.
/** `most`: octets. */
export function messageTooLarge(most: number): Rejection {
  return rejection(552, '5.3.4', `${TOO_LARGE} ${most} octets that maxMessageSize allows`);
}
const TOO_LARGE = 'the message is larger than the';

export function isMessageTooLarge({ text }: Rejection): boolean {
  return text.startsWith(TOO_LARGE);
}

export function headerTooLarge(most: number): Rejection {
  return rejection(
    552,
    '5.3.4',
    `the header of the message is larger than the ${most} octets that maxHeaderSize allows`,
  );
}

export const TOO_MANY_HOPS = rejection(554, '5.4.6', 'too many hops, this message is in a loop');
export const OWN_MAIL = rejection(
  554,
  '5.4.6',
  'this message is being sent by posthaste itself, whose relay leads back to it: set another relay, or another listen',
);
export const BARE_CR = rejection(550, '5.6.11', 'the content has a CR that stands alone, lines must end with CRLF');
export const BARE_LF = rejection(
  550,
  '5.6.11',
  'the content has an LF that stands alone, lines must end with CRLF; bareLf normalise (--bare-lf normalise) takes such mail',
);
export const NUL_OCTET = rejection(550, '5.6.11', 'the content has a NUL octet');
export const STORE_FAILED = rejection(451, '4.3.0', 'the message could not be stored, try again later');
export const TOOK_TOO_LONG = rejection(451, '4.3.0', 'storing the message took too long, try again later');
export const ABORTED = rejection(451, '4.3.0', 'the message was given up');
