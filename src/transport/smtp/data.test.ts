import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DataEncoder } from './data.ts';

function encode(chunks: readonly Uint8Array[]): string {
  const encoder = new DataEncoder();
  const pieces = chunks.flatMap((chunk) => encoder.encode(chunk));
  return Buffer.concat(pieces).toString('latin1') + encoder.end();
}

const encodeText = (text: string): string => encode([Buffer.from(text, 'latin1')]);

/** A receiver by the letter of RFC 5321: the content, and what is left over behind its end. */
function receive(wire: string): { content: string; rest: string } {
  const end = `\r\n${wire}`.indexOf('\r\n.\r\n');
  const content = wire.slice(0, end).replace(/(^|\r\n)\./g, '$1');
  return { content, rest: wire.slice(end + 3) };
}

/** What arrives for any content: its line ends made CRLF, NUL dropped, the last line ended. */
function normal(text: string): string {
  const lines = text.replaceAll('\0', '').replace(/\r\n|\r|\n/g, '\r\n');
  return lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`;
}

/** Text in which line ends and dots are frequent. */
const nasty = fc
  .array(fc.constantFrom('\r', '\n', '.', '\0', 'a', '\r\n', '\r\n.', '\xff'), { maxLength: 40 })
  .map((parts) => parts.join(''));

describe('content on its way through DATA', () => {
  test('arrives octet for octet where all its lines end with CRLF', () => {
    const line = fc
      .string({ unit: fc.constantFrom('.', 'a', ' ', '\xe9', '\t'), maxLength: 5 })
      .map((text) => `${text}\r\n`);
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        expect(receive(encodeText(lines.join('')))).toEqual({ content: lines.join(''), rest: '' });
      }),
    );
  });

  test('never ends before its end, whatever octets it has and however it is split', () => {
    fc.assert(
      fc.property(nasty, fc.array(fc.nat(40)), (text, cuts) => {
        const bytes = Buffer.from(text, 'latin1');
        const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const wire = encode(at.slice(1).map((end, i) => bytes.subarray(at[i], end)));
        expect(wire).toBe(encodeText(text));
        expect(receive(wire)).toEqual({ content: normal(text), rest: '' });
        expect(wire).not.toMatch(/\r(?!\n)|(?<!\r)\n|\0/);
      }),
      { numRuns: 1000 },
    );
  });

  const smuggled = [
    '\n.\n',
    '\n.\r',
    '\r.\n',
    '\r.\r',
    '\n.\r\n',
    '\r.\r\n',
    '\r\n.\n',
    '\r\n.\r',
    '\r\n\0.\r\n',
    '\r\n.\0\r\n',
    '\r\n.\r\r\n',
    '\r\r\n.\r\r\n',
  ];
  test.each(smuggled)('takes the sting out of %j', (sequence) => {
    const wire = encodeText(`a${sequence}MAIL FROM:<x@example.com>\r\n`);
    expect(receive(wire).rest).toBe('');
    expect(wire.slice(0, -3)).not.toMatch(/(?:^|[\r\n])\0*\.\0*[\r\n]/);
  });

  test.each([
    ['', '.\r\n'],
    ['.', '..\r\n.\r\n'],
    ['a', 'a\r\n.\r\n'],
    ['a\r\n', 'a\r\n.\r\n'],
    ['a\r', 'a\r\n.\r\n'],
  ])('%j is written as %j', (text, wire) => {
    expect(encodeText(text)).toBe(wire);
  });

  test('is not copied where nothing needs a change', () => {
    const chunk = Buffer.from('Subject: a\r\n\r\nb\r\n');
    const pieces = new DataEncoder().encode(chunk);
    expect(pieces).toHaveLength(1);
    expect(pieces[0]?.buffer).toBe(chunk.buffer);
  });
});
