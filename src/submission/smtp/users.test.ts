import { describe, expect, test } from 'vitest';
import { authenticator, hashPassword } from './users.ts';

describe('a user', () => {
  test('with a password in plain text is let in with it alone', async () => {
    const check = authenticator([{ name: 'ann', password: 'secret' }]);
    expect(await check('ann', 'secret')).toBe(true);
    expect(await check('ann', 'secret2')).toBe(false);
    expect(await check('ann', '')).toBe(false);
    expect(await check('bob', 'secret')).toBe(false);
  });

  test('with a hash is let in with the password behind it alone', async () => {
    const hash = await hashPassword('pässword');
    const check = authenticator([{ name: 'ann', password: hash }]);
    expect(await check('ann', 'pässword')).toBe(true);
    expect(await check('ann', 'pässword')).toBe(true);
    expect(await check('ann', 'password')).toBe(false);
    expect(await check('ann', hash)).toBe(false);
    expect(await check('bob', 'pässword')).toBe(false);
  });

  test('named like a property of objects is unknown', async () => {
    const check = authenticator([{ name: 'ann', password: 'secret' }]);
    expect(await check('__proto__', 'secret')).toBe(false);
    expect(await check('constructor', '')).toBe(false);
  });
});

test('a hash does not show the password, and no two are alike', async () => {
  const [one, two] = await Promise.all([hashPassword('secret'), hashPassword('secret')]);
  expect(one).toMatch(/^scrypt\$16384\$8\$5\$[\w-]{22}\$[\w-]{43}$/);
  expect(one).not.toBe(two);
});

test.each([
  'scrypt$',
  'scrypt$16384$8$1$c2FsdA',
  'scrypt$1000$8$1$c2FsdA$aGFzaA',
  'scrypt$99999999$8$1$c2FsdA$aGFzaA',
  'scrypt$16384$0$1$c2FsdA$aGFzaA',
])('the hash %j is refused, and not shown', (password) => {
  expect(() => authenticator([{ name: 'ann', password }])).toThrow(
    /^The password of user ann begins like a hash and is none/,
  );
});
