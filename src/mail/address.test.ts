import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressFault,
  addressKey,
  domainOf,
  isAddress,
  listKey,
  mailboxKey,
  needsSmtpUtf8,
  withAsciiDomain,
} from './address.ts';

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

describe('an international domain', () => {
  const spellings = [
    'bücher.example',
    'BÜCHER.example',
    'bu\u0308cher.example',
    'xn--bcher-kva.example',
    'XN--BCHER-KVA.Example',
  ];

  test.each(spellings)('%s is the same in both spellings wherever addresses are compared', (domain) => {
    const ascii = 'xn--bcher-kva.example';
    expect(domainOf(`bob@${domain}`)).toBe(ascii);
    expect(addressKey(`Bob@${domain}`)).toBe(`bob@${ascii}`);
    expect(addressKey(`@${domain}`)).toBe(`@${ascii}`);
    expect(addressKey(`@*.${domain}`)).toBe(`@*.${ascii}`);
    expect(mailboxKey(`Bob@${domain}`)).toBe(`Bob@${ascii}`);
    expect(listKey(`Bob@${domain}`)).toBe(`bob@${ascii}`);
    expect(addressKey(`Jürgen@${domain}`)).toBe(`jürgen@${ascii}`);
  });

  test.each(['ü.1', 'ü'.repeat(300), '[ü]'])('%s has no ASCII form and compares as it is', (domain) => {
    expect(domainOf(`bob@${domain.toUpperCase()}`)).toBe(domain);
    expect(addressKey(`Bob@${domain}`)).toBe(`bob@${domain}`);
  });

  test('goes out in ASCII, unless the local part needs SMTPUTF8 anyway', () => {
    expect(withAsciiDomain('Bob@Bücher.example')).toBe('Bob@xn--bcher-kva.example');
    expect(withAsciiDomain('jürgen@bücher.example')).toBe('jürgen@bücher.example');
    expect(withAsciiDomain('Bob@Example.COM')).toBe('Bob@Example.COM');
    expect(withAsciiDomain('bob@ü.1')).toBe('bob@ü.1');
  });

  test('is nothing that a text without a domain could have', () => {
    expect(addressKey('Ü')).toBe('ü');
    expect(addressKey('')).toBe('');
  });
});

test('only characters beyond ASCII need SMTPUTF8', () => {
  expect(needsSmtpUtf8('a@b.c')).toBe(false);
  expect(needsSmtpUtf8('ä@b.c')).toBe(true);
});
