import { expect, test } from 'vitest';
import { mailboxes } from './kinds-mail.ts';

const read = (value: unknown): unknown => {
  const parsed = mailboxes.schema.safeParse(value);
  return parsed.success ? parsed.data : 'refused';
};

const doe = '"Doe, Ann" <ann@example.com>';

test.each<[unknown, readonly string[]]>([
  [[doe], [doe]],
  [
    [doe, 'al@example.com'],
    [doe, 'al@example.com'],
  ],
  [doe, [doe]],
  [`${doe}, al@example.com,"Roe, \\"R\\"" <r@example.com>`, [doe, 'al@example.com', '"Roe, \\"R\\"" <r@example.com>']],
  ['Mo <mo@example.com>, mia@example.com', ['Mo <mo@example.com>', 'mia@example.com']],
  [
    ['a@example.com, b@example.com', 'c@example.com'],
    ['a@example.com', 'b@example.com', 'c@example.com'],
  ],
])('%j are mailboxes', (given, expected) => expect(read(given)).toEqual(expected));

test.each([['Doe, Ann <ann@example.com>'], ['"Doe, Ann <ann@example.com>']])(
  '%j are none, and what is allowed tells of names with a comma',
  (given) => {
    expect(read([given])).toBe('refused');
    expect(mailboxes.allowed).toContain('a name with a comma stands in quotes, as "Doe, Ann" <ann@example.com>');
  },
);
