import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LocalLines } from './local-lines.ts';

function through(text: string, dotEnds: boolean, cuts: readonly number[] = []): string {
  const lines = new LocalLines(dotEnds);
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  const pieces = places.slice(1).map((to, i) => lines.push(bytes.subarray(places[i], to)));
  return Buffer.concat([...pieces, lines.end()]).toString();
}

describe('what comes out of', () => {
  test.each([
    ['a\nb\n', 'a\r\nb\r\n'],
    ['a\r\nb\r\n', 'a\r\nb\r\n'],
    ['a\nb', 'a\r\nb\r\n'],
    ['10 %\r50 %\rdone\n', '10 %\r\n50 %\r\ndone\r\n'],
    ['a\r\r\nb', 'a\r\n\r\nb\r\n'],
    ['', ''],
    ['\n', '\r\n'],
    ['a\r', 'a\r\n'],
    ['a\n.\nb\n', 'a\r\n'],
    ['a\r\n.\r\nb\r\n', 'a\r\n'],
    ['.\nb\n', ''],
    ['a\n.', 'a\r\n'],
    ['a\n..\n.b\nc.\n', 'a\r\n..\r\n.b\r\nc.\r\n'],
    ['ü\n.\n', 'ü\r\n'],
  ])('%j, where a lone dot ends it, is %j', (text, expected) => {
    expect(through(text, true)).toBe(expected);
  });

  test.each([
    ['a\n.\nb\n', 'a\r\n.\r\nb\r\n'],
    ['.\n', '.\r\n'],
    ['.', '.\r\n'],
  ])('%j, where a dot is a dot, is %j', (text, expected) => {
    expect(through(text, false)).toBe(expected);
  });
});

test('where the input is cut into pieces makes no difference', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '.', '\r', '\n', '\n.\n'), maxLength: 24 });
  fc.assert(
    fc.property(text, fc.boolean(), fc.array(fc.nat(), { maxLength: 6 }), (input, dotEnds, cuts) => {
      expect(through(input, dotEnds, cuts)).toBe(through(input, dotEnds));
    }),
    { numRuns: 2000 },
  );
});

test('no line end is left alone, and none is lost', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '.', '\r', '\n'), maxLength: 24 }), (input) => {
      const out = through(input, false);
      expect(out).not.toMatch(/(?<!\r)\n|\r(?!\n)/);
      expect(out.replaceAll('\r\n', '')).toBe(input.replace(/[\r\n]/g, ''));
    }),
  );
});
