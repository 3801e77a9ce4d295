/** What must hold for any bytes: splits of the stream, stuffed dots, garbage. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DotDecoder, type Lf } from '../../src/submission/smtp/data.ts';
import type { ServerEvent } from '../../src/submission/smtp/events.ts';
import { ServerSession } from '../../src/submission/smtp/protocol.ts';
import type { SessionOptions } from '../../src/submission/smtp/session-options.ts';
import { SESSION } from './server/harness.ts';

/** All that a session said and wanted, replies apart: when they are written depends on when the bytes come. */
interface Heard {
  readonly replies: string;
  readonly events: readonly unknown[];
}

function hear(pieces: readonly Buffer[], options: Partial<SessionOptions> = {}): Heard {
  const session = new ServerSession({ ...SESSION, maxErrors: 1e9, login: 'optional', ...options });
  let replies = '';
  const events: unknown[] = [];
  let chunk: Buffer[] | undefined;
  const take = (event: ServerEvent): void => {
    if (event.kind === 'reply') {
      replies += event.text;
      return;
    }
    if (event.kind === 'chunk') {
      chunk ??= [];
      chunk.push(event.bytes);
      return;
    }
    if (chunk !== undefined) events.push(Buffer.concat(chunk).toString('latin1'));
    chunk = undefined;
    events.push(event);
    if (event.kind === 'end') session.completed({ code: 250, text: 'kept' });
    if (event.kind === 'login') session.authenticated(event.user === 'ann');
  };
  for (const piece of [Buffer.alloc(0), ...pieces]) {
    session.receive(piece);
    for (let event = session.next(); event !== undefined; event = session.next()) take(event);
  }
  if (chunk !== undefined) events.push(Buffer.concat(chunk).toString('latin1'));
  return { replies, events };
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i]));
}

/** Text that stumbles over every special octet of the protocol. */
const trouble = fc
  .array(fc.constantFrom('\r', '\n', '.', '\r\n', '\r\n.', '\r\n.\r\n', '\0', 'a', 'text', ' ', 'é'), { maxLength: 40 })
  .map((parts) => parts.join(''));

const command = fc.oneof(
  fc.constantFrom(
    'EHLO c\r\n',
    'MAIL FROM:<a@x.example>\r\n',
    'RCPT TO:<b@x.example>\r\n',
    'RCPT TO:<c@x.example> NOTIFY=NEVER\r\n',
    'DATA\r\n',
    'RSET\r\n',
    'NOOP\n',
    'AUTH LOGIN\r\n',
    'YW5u\r\n',
    'AUTH PLAIN AGFubgBzZWNyZXQ=\r\n',
    '.\r\n',
    '\r\n.\r\n',
  ),
  trouble,
  trouble.map((text) => `EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n${text}\r\n.\r\n`),
  fc
    .tuple(trouble, fc.boolean())
    .map(([text, last]) => `BDAT ${Buffer.byteLength(text)}${last ? ' LAST' : ''}\r\n${text}`),
  fc.integer({ min: 4090, max: 4100 }).map((length) => `${'x'.repeat(length)}\r\n`),
);

const stream = fc.array(command, { maxLength: 20 }).map((commands) => Buffer.from(commands.join('')));

describe('a byte stream', () => {
  test('any split gives the same events and replies', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), (bytes, cuts) => {
        expect(hear(split(bytes, cuts))).toEqual(hear([bytes]));
      }),
      { numRuns: 1000 },
    );
  });

  test('octet by octet gives the same events and replies', () => {
    fc.assert(
      fc.property(stream, (bytes) => {
        const octets = [...bytes].map((octet) => Buffer.from([octet]));
        expect(hear(octets)).toEqual(hear([bytes]));
      }),
      { numRuns: 100 },
    );
  });

  test('random octets never make the session throw', () => {
    const garbage = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        command.map((text) => Buffer.from(text)),
      ),
    );
    fc.assert(
      fc.property(garbage, (pieces) => {
        hear(pieces);
      }),
      { numRuns: 500 },
    );
  });

  test('a line without an end is not kept', () => {
    const session = new ServerSession(SESSION);
    const block = Buffer.alloc(1024 * 1024, 'x');
    session.receive(block);
    while (session.next() !== undefined);
    const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 200; i++) {
      session.receive(block);
      while (session.next() !== undefined);
    }
    expect(process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
    session.receive(Buffer.from('\r\n'));
    expect(session.next()).toEqual({
      kind: 'refused',
      reply: expect.objectContaining({ code: 500, status: '5.5.6' }),
      command: '',
    });
  });
});

/** RFC 5321 4.5.2 word by word, on the whole content at once. */
function stuff(content: string): string {
  return `${content.replace(/(^|\r\n)\./g, '$1..')}${content === '' || content.endsWith('\r\n') ? '' : '\r\n'}.\r\n`;
}

function decode(pieces: readonly Buffer[], lf?: Lf): { content: string; ended: boolean; rest: string } {
  const decoder = new DotDecoder(lf);
  const content: Buffer[] = [];
  const rest: Buffer[] = [];
  for (const bytes of pieces) {
    let at = 0;
    while (at < bytes.length && !decoder.ended) {
      at = decoder.read(bytes, at);
      if (decoder.piece !== undefined) content.push(decoder.piece);
    }
    rest.push(bytes.subarray(at));
  }
  return {
    content: Buffer.concat(content).toString('latin1'),
    ended: decoder.ended,
    rest: Buffer.concat(rest).toString('latin1'),
  };
}

describe('stuffed dots', () => {
  test('what a client stuffs is what comes out, wherever the stream is split, and what follows the end is left alone', () => {
    const content = trouble.map((text) => text.replaceAll('é', '\xe9'));
    fc.assert(
      fc.property(content, fc.array(fc.nat(), { maxLength: 10 }), (text, cuts) => {
        const whole = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
        const stuffed = Buffer.from(`${stuff(whole)}QUIT\r\n`, 'latin1');
        expect(decode(split(stuffed, cuts))).toEqual({ content: whole, ended: true, rest: 'QUIT\r\n' });
      }),
      { numRuns: 2000 },
    );
  });

  test('behind a bare LF come out the same wherever the stream is split, where that begins a line', () => {
    fc.assert(
      fc.property(trouble, fc.array(fc.nat(), { maxLength: 10 }), (text, cuts) => {
        const sent = Buffer.from(
          `${text.replaceAll('é', '\xe9').replaceAll('\r\n.\r\n', '')}\r\n.\r\nQUIT\r\n`,
          'latin1',
        );
        for (const lf of ['line', 'end'] as const) expect(decode(split(sent, cuts), lf)).toEqual(decode([sent], lf));
      }),
      { numRuns: 2000 },
    );
  });

  test('are those of all lines where programs end theirs with LF', () => {
    fc.assert(
      fc.property(trouble, (text) => {
        const whole = `${text.replaceAll('é', '\xe9').replaceAll('\r', '')}\n`;
        const sent = Buffer.from(`${whole.replace(/^\./gm, '..')}.\nQUIT\n`, 'latin1');
        expect(decode([sent], 'end')).toEqual({ content: whole, ended: true, rest: 'QUIT\n' });
      }),
      { numRuns: 1000 },
    );
  });
});
