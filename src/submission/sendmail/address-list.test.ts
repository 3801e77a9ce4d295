import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddressList } from './address-list.ts';

describe('addresses are found in', () => {
  test.each([
    ['', []],
    ['a@b.c', ['a@b.c']],
    ['root', ['root']],
    ['a@b.c, d@e.f,', ['a@b.c', 'd@e.f']],
    ['Ann <a@b.c>', ['a@b.c']],
    ['Ann Example <a@b.c>, "Doe, John" <j@d.e>', ['a@b.c', 'j@d.e']],
    ['=?utf-8?Q?J=C3=BCrgen_M=C3=BCller?= <j@m.de>', ['j@m.de']],
    ['a@b.c (Ann (of A, B) \\) Example), d@e.f', ['a@b.c', 'd@e.f']],
    ['Friends: a@b.c, Dan <d@e.f>;, g@h.i', ['a@b.c', 'd@e.f', 'g@h.i']],
    ['undisclosed-recipients:;', []],
    ['Ann\r\n <a@b.c>,\r\n\td@e.f', ['a@b.c', 'd@e.f']],
    ['<@x.y,@z:a@b.c>', ['a@b.c']],
    ['"with, comma"@b.c', ['"with, comma"@b.c']],
    ['"a\\"b"@b.c', ['"a\\"b"@b.c']],
    ['a @ b . c', ['a@b.c']],
    ['a (here) @ (there) b.c', ['a@b.c']],
    ['user@[192.0.2.1], user@[IPv6:2001:db8::1]', ['user@[192.0.2.1]', 'user@[IPv6:2001:db8::1]']],
    ['a@b.c; d@e.f', ['a@b.c', 'd@e.f']],
    ['a@b.c <a@b.c>', ['a@b.c']],
    ['jürgen@exämple.de', ['jürgen@exämple.de']],
    ['<>', ['']],
  ])('%j', (text, addresses) => {
    expect(parseAddressList(text)).toEqual({ addresses, faults: [] });
  });
});

describe('what is no address is told as it stands there:', () => {
  test.each([
    ['two words, a@b.c', ['two words']],
    ['Ann <a@b.c, d@e.f', ['Ann <a@b.c, d@e.f']],
    ['"unended, a@b.c', ['"unended, a@b.c']],
    ['a@b.c (unended', ['a@b.c (unended']],
    ['<a@b.c> <d@e.f>', ['<a@b.c> <d@e.f>']],
  ])('%j', (text, faults) => {
    expect(parseAddressList(text).faults).toEqual(faults);
  });
});

test('any text is read to its end without an exception', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a@.,:;<>()"\\[] \n'), maxLength: 60 }), (text) => {
      const { addresses, faults } = parseAddressList(text);
      expect(addresses.length + faults.length).toBeLessThanOrEqual(text.length + 1);
    }),
  );
});

test('a hundred thousand addresses, and as many opened brackets, take no noticeable time', () => {
  const many = Array.from({ length: 100_000 }, (_, i) => `"User, ${i}" <user${i}@example.com>`).join(',\r\n ');
  expect(parseAddressList(many).addresses).toHaveLength(100_000);
  expect(parseAddressList('('.repeat(100_000)).faults).toHaveLength(1);
});
