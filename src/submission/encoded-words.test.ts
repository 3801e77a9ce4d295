import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clip, decodeHeaderText } from './encoded-words.ts';

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

test.each([
  ['plain', 'plain'],
  [' folded\r\n line', 'folded line'],
  ['=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus?= Bonn', 'Grüße aus Bonn'],
  ['=?UTF-8?b?R3LDvMOfZQ==?=', 'Grüße'],
  ['=?iso-8859-1*de?Q?Gr=FC=DFe?=', 'Grüße'],
  ['=?utf-8?Q?a?= =?utf-8?Q?b?=', 'ab'],
  ['=?utf-8?Q?a?=\r\n =?iso-8859-1?Q?=FC?=', 'aü'],
  ['=?utf-8?Q?a?= b =?utf-8?Q?c?=', 'a b c'],
  // A character split between two words.
  ['=?utf-8?B?w7w=?= =?utf-8?Q?=C3?= =?utf-8?Q?=BC?=', 'üü'],
  ['=?shift_jis?B?k/qWew==?=', '日本'],
  ['=?no-such-charset?Q?abc?=', 'abc'],
  ['=?utf-8?X?abc?=', '=?utf-8?X?abc?='],
  ['=?utf-8?Q?broken', '=?utf-8?Q?broken'],
  [latin1('Grüße roh'), 'Grüße roh'],
  ['Gr\xfc\xdfe', 'Grüße'],
  ['bell\x07 and =?utf-8?Q?=00=0Anewline?=', 'bell  and  newline'],
])('%j reads %j', (raw, text) => {
  expect(decodeHeaderText(raw)).toBe(text);
});

test('any text never throws and leaves no control characters', () => {
  const part = fc.constantFrom('=?', '?=', '?', 'utf-8', 'Q', 'B', '=', ' ', '\r\n ', '_', '=C3', 'w7w=', '\xff', '\0');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      expect(decodeHeaderText(parts.join(''))).not.toMatch(/\p{Cc}/u);
    }),
  );
});

test('clipping never leaves half a character', () => {
  expect(clip('a😀', 2)).toBe('a');
  expect(clip('a😀', 3)).toBe('a😀');
  expect(clip('abc', 2)).toBe('ab');
});
