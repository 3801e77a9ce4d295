import { expect, test } from 'vitest';
import { decodeQuotedPrintable } from './quoted-printable.ts';

test.each([
  ['=00=FF=0D=0Az', '\0\xff\r\nz'],
  ['a\r\nb\nc', 'a\r\nb\nc'],
  ['soft=\r\n break= \t\r\n!', 'soft break!'],
  ['blanks \t\r\n within  words=20\r\n', 'blanks\r\n within  words \r\n'],
  ['a=\n', 'a'],
  ['a=', 'a'],
  ['1=2, =ZZ, =e9', '1=2, =ZZ, \xe9'],
  ['\r', '\r'],
  ['', ''],
])('%j means %j', (text, meant) => {
  expect(decodeQuotedPrintable(Buffer.from(text, 'latin1')).toString('latin1')).toBe(meant);
});

test('a long run of blanks takes no longer than other text', () => {
  expect(decodeQuotedPrintable(Buffer.from(`${' '.repeat(5_000_000)}x`)).length).toBe(5_000_001);
});
