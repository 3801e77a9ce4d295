import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BareLf, LineEnds } from './line-ends.ts';

const text = fc
  .array(fc.constantFrom('\r', '\n', '\r\n', 'a', '\0', '.'), { maxLength: 20 })
  .map((parts) => parts.join(''));
const clean = fc.array(fc.constantFrom('\r\n', '\n', 'a', '.'), { maxLength: 20 }).map((parts) => parts.join(''));

function push(bareLf: BareLf, pieces: readonly string[]): { content: string; fault: string | undefined } {
  const ends = new LineEnds(bareLf);
  const content = pieces.map((piece) => ends.push(Buffer.from(piece, 'latin1')).toString('latin1')).join('');
  ends.end();
  return { content, fault: ends.fault };
}

test('a content whose lines end with CRLF passes unchanged', () => {
  expect(push('refuse', ['a\r\n', '', 'b\r', '\n', '\r\nc'])).toEqual({ content: 'a\r\nb\r\n\r\nc', fault: undefined });
});

test.each([
  ['a\nb', 'lf'],
  ['\n', 'lf'],
  ['a\rb', 'cr'],
  ['a\r', 'cr'],
  ['\r\r\n', 'cr'],
  ['\r\n\n', 'lf'],
  ['a\0b', 'nul'],
])('%j is at fault', (content, fault) => {
  expect(push('refuse', [content]).fault).toBe(fault);
});

test('whether a content is at fault does not depend on how it is split', () => {
  fc.assert(
    fc.property(text, (content) => {
      const faulty = /(?<!\r)\n|\r(?!\n)|\0/.test(content);
      expect(push('refuse', [content]).fault !== undefined).toBe(faulty);
      expect(push('refuse', [...content]).fault !== undefined).toBe(faulty);
    }),
  );
});

test('normalising makes each bare LF a CRLF and leaves all else, however it is split', () => {
  fc.assert(
    fc.property(clean, fc.nat(20), (content, cut) => {
      const expected = { content: content.replace(/(?<!\r)\n/g, '\r\n'), fault: undefined };
      expect(push('normalise', [content.slice(0, cut), content.slice(cut)])).toEqual(expected);
      expect(push('normalise', [...content])).toEqual(expected);
    }),
  );
});

test('normalising does not forgive a bare CR or a NUL', () => {
  expect(push('normalise', ['a\r', 'b']).fault).toBe('cr');
  expect(push('normalise', ['a\0']).fault).toBe('nul');
});
