/** What the server says when all is well, encoded once. */
import { encodeReply } from '../../mail/reply.ts';

export const OK = encodeReply({ code: 250, status: '2.0.0', text: 'ok' });
export const SENDER_OK = encodeReply({ code: 250, status: '2.1.0', text: 'sender ok' });
export const RECIPIENT_OK = encodeReply({ code: 250, status: '2.1.5', text: 'recipient ok' });
export const CHUNK_OK = encodeReply({ code: 250, status: '2.0.0', text: 'chunk received' });
export const SEND_CONTENT = encodeReply({ code: 354, text: 'end the content with <CR><LF>.<CR><LF>' });
export const GOODBYE = encodeReply({ code: 221, status: '2.0.0', text: 'goodbye' });
export const CANNOT_VERIFY = encodeReply({
  code: 252,
  status: '2.5.0',
  text: 'addresses are not verified here, send the message',
});
export const BEGIN_TLS = encodeReply({ code: 220, status: '2.0.0', text: 'begin TLS' });
export const LOGGED_IN = encodeReply({ code: 235, status: '2.7.0', text: 'logged in' });

/** Names those commands alone that the session takes now. */
export function help(tls: boolean, auth: boolean): string {
  const verbs = [
    'EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP',
    ...(tls ? ['STARTTLS'] : []),
    ...(auth ? ['AUTH'] : []),
  ];
  return encodeReply({ code: 214, status: '2.0.0', text: [...verbs, 'QUIT'].join(' ') });
}

export function greeting(hostname: string): string {
  return encodeReply({ code: 220, text: `${hostname} ESMTP posthaste` });
}

export function challenge(text: string): string {
  return `334 ${text}\r\n`;
}

/** What the name of the host and its extensions look like to EHLO (RFC 5321 4.1.1.1). */
export function extensions(hostname: string, maxMessageSize: number, tls: boolean, login: boolean): string {
  const lines = [
    hostname,
    'PIPELINING',
    `SIZE ${maxMessageSize}`,
    '8BITMIME',
    'SMTPUTF8',
    'CHUNKING',
    'DSN',
    'ENHANCEDSTATUSCODES',
  ];
  if (tls) lines.push('STARTTLS');
  if (login) lines.push('AUTH PLAIN LOGIN');
  return encodeReply({ code: 250, text: lines.join('\n') });
}
