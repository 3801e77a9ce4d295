import { describe, expect, test } from 'vitest';
import { strayAddress } from './stray-addresses.ts';

describe('an address-like text', () => {
  test.each([
    ['john@x.org b@y.org', 'b@y.org'],
    ['john@x.org\tb@y.org', 'b@y.org'],
    ['john@x.org and b@y.org', 'b@y.org'],
    ['ann@x.org, john@x.org b@y.org, c@z.org', 'b@y.org'],
    ['<john@x.org> <b@y.org>', 'b@y.org'],
    ['<john@x.org b@y.org>', 'b@y.org'],
    ['John <john@x.org> b@y.org', 'b@y.org'],
    ['john@x.org<b@y.org>', 'john@x.org'],
    ['john@x.org (John) b@y.org', 'b@y.org'],
    ['john @ x.org b@y.org', 'john @ x.org'],
    ['john@x.org\nBcc: b@y.org', 'john@x.org'],
    ['team@x.org: b@y.org;', 'team@x.org'],
    ['friends: john@x.org b@y.org;', 'b@y.org'],
    ['john@x.org|b@y.org', 'john@x.org|b'],
    ['john@x.org/b@y.org', 'john@x.org/b'],
    ['root@localhost ann@localhost', 'ann@localhost'],
    ['"john doe"@x.org b@y.org', '"john doe"@x.org'],
    ['b@y.org "john doe"@x.org', '"john doe"@x.org'],
    ['"john@x.org b@y.org"', '"john@x.org b"@y.org'],
    ['"john@x.org" "b@y.org"', '"john@x.org b"@y.org'],
    ['O"Neil john@x.org <b@y.org>', 'john@x.org'],
  ])('in %j that became none of its own is %s', (field, stray) => {
    expect(strayAddress(field)).toBe(stray);
  });

  test.each([
    'b@y.org',
    'john@x.org, b@y.org',
    'john@x.org; b@y.org',
    '"john@x.org" <b@y.org>',
    '"John \\"j@x.org\\" Doe" <b@y.org>',
    '"john@x.org" b@y.org',
    'john@x.org <john@x.org>',
    'John@X.org <john@x.org>',
    "'john@x.org' <john@x.org>",
    '(or (perhaps) john@x.org) b@y.org',
    'b@y.org (john@x.org)',
    'john(j@z.org)@x.org',
    '"john@z.org"@x.org',
    '"john doe"@x.org',
    '"j\\ohn"@x.org',
    'john @ x.org, b@y.org',
    'b@y . org',
    'Team: john@x.org, "b@z.org" <b@y.org>;',
    'undisclosed-recipients:;',
    '<@r.org,@s.org:john@x.org>',
    'john@[IPv6:::1]',
    'Ann @ Acme <ann@acme.org>',
    '@ann <ann@acme.org>',
    "Ann O'Neil <ann@x.org>",
    'Dr. Ann, PhD <ann@x.org>',
    'бob@пример.рф',
    'bob',
    '',
  ])('in %j is an address, or in quotes or a comment', (field) => {
    expect(strayAddress(field)).toBeUndefined();
  });

  test.each([
    ['names in quotes', Array.from({ length: 20_000 }, (_, n) => `"n@x (${n}" <user${n}@example.org>`).join(', ')],
    ['comments that never end', `${'('.repeat(200_000)}a@x b@y`],
    ['quotes that never end', `"${'\\"'.repeat(200_000)}a@x b@y`],
    ['a word without end', `a@x b@y ${'a'.repeat(200_000)}`],
    ['spaces without end', `a@x b@y ${' '.repeat(200_000)}.${' '.repeat(200_000)}a`],
    ['signs without end', `a@x b@y ${'@'.repeat(200_000)}`],
  ])(
    'is looked for among %s in the time of reading',
    (_, field) => {
      strayAddress(field);
    },
    10_000,
  );
});
