import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressFault, domainOf, isAddress, needsSmtpUtf8 } from './address.ts';

describe('isAddress', () => {
  test.each([
    'a@b',
    'user@example.com',
    'user+tag@sub.example.com',
    "o'brien@example.com",
    '"with space"@example.com',
    '"a\\"b@c"@example.com',
    'user@[192.0.2.1]',
    'user@[IPv6:2001:db8::1]',
    'jürgen@exämple.de',
    'root@my_host',
  ])('%s is one', (text) => expect(addressFault(text)).toBeUndefined());

  test.each([
    '',
    '@',
    'user',
    'user@',
    '@example.com',
    'a b@c',
    'a..b@c',
    '.a@c',
    'a@-b',
    'a@b..c',
    'a@b c',
    'a\r\n@b',
    'a@b\0',
    '<a@b>',
    'a,b@c',
  ])('%j is none', (text) => expect(isAddress(text)).toBe(false));

  test('the lengths of RFC 5321 hold', () => {
    expect(isAddress(`${'a'.repeat(64)}@example.com`)).toBe(true);
    expect(isAddress(`${'a'.repeat(65)}@example.com`)).toBe(false);
    expect(isAddress(`a@${'b'.repeat(256)}`)).toBe(false);
  });

  test('any text is judged without an exception, and what passes holds no control character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        if (isAddress(text)) expect(text).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});

test('the domain stands behind the last @, in lower case', () => {
  expect(domainOf('"a@b"@Example.COM')).toBe('example.com');
});

test('only characters beyond ASCII need SMTPUTF8', () => {
  expect(needsSmtpUtf8('a@b.c')).toBe(false);
  expect(needsSmtpUtf8('ä@b.c')).toBe(true);
});
