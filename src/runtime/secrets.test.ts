import { expect, test } from 'vitest';
import { hideSecrets } from './secrets.ts';

test.each([
  ['a secret is hidden wherever it stands', 'no geheim69, "geheim69"', ['geheim69'], 'no ***, "***"'],
  ['one that is a part of another leaves nothing of it', 'abcdef and abcd', ['abcd', 'abcdef'], '*** and ***'],
  ['one in JSON is found too', '{"password":"a\\"b\\\\c"}', ['a"b\\c'], '{"password":"***"}'],
  ['one in JSON of PHP too', '"\\/in\\/T0ken"', ['/in/T0ken'], '"***"'],
  ['a long piece of one is hidden', 'AUTH abcdefghijklmnopqrst...', ['abcdefghijklmnopqrstuvwxyz'], 'AUTH ***...'],
  ['a short piece is a word like others', 'no access', ['accessible'], 'no access'],
  ['what is too short is no secret', 'bad password', ['a', '', '/'], 'bad password'],
])('%s', (_name, text, secrets, expected) => {
  expect(hideSecrets(text, secrets)).toBe(expected);
});
