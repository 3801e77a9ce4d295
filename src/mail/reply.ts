/** A reply: what a server said, as a value (RFC 5321 4.2, RFC 2034). */

export interface Reply {
  /** 200 to 599. */
  readonly code: number;
  /** Enhanced status code, `4.7.1` (RFC 3463); absent where the server gave none. */
  readonly status?: string;
  /** The text of all lines joined with a newline, without codes. */
  readonly text: string;
  /** posthaste said it, for want of an answer, or because it refused something itself; absent: a remote did. */
  readonly ours?: true;
}

const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/;

/** Makes a reply from its code and the texts of its lines, taking the enhanced status out of them when each is led by it. */
export function replyFromLines(code: number, lines: readonly string[]): Reply {
  const status = ENHANCED.exec(lines[0] ?? '')?.[1];
  if (status === undefined || !status.startsWith(String(Math.floor(code / 100))))
    return { code, text: lines.join('\n') };
  const text = lines.map((line) => line.replace(ENHANCED, '')).join('\n');
  return { code, status, text };
}

/** The reply as one line for people: `550 5.1.1 no such user`. Control characters are escaped. */
export function showReply(reply: Reply): string {
  return printable(
    [reply.code, reply.status, reply.text].filter((part) => part !== undefined && part !== '').join(' '),
  );
}

/** The reply as the bytes of the protocol, one line for each line of its text (RFC 5321 4.2.1). */
export function encodeReply(reply: Reply): string {
  const lead = reply.status === undefined ? '' : `${reply.status} `;
  const lines = reply.text.split('\n');
  return lines.map((line, i) => `${reply.code}${i === lines.length - 1 ? ' ' : '-'}${lead}${line}\r\n`).join('');
}

/** Escapes control characters, so that nothing a remote said can forge a log line or steer a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => {
    if (char === '\n') return '\\n';
    return `\\u${char.codePointAt(0)?.toString(16).padStart(4, '0')}`;
  });
}
