import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileSafety, type SafetyOptions } from './safety.ts';

function safeguarded(options: Partial<SafetyOptions>, ...addresses: string[]): unknown {
  const guard = compileSafety({ redirect: null, allow: null, holdAll: false, ...options });
  const { recipients, metadata } = guard(addresses.map((address) => ({ address, notify: ['failure'] })));
  return [recipients.map(({ recipient, held }) => [recipient.address, held]), metadata];
}

describe('redirect', () => {
  test('one address gets the message once, whoever it was for', () => {
    expect(safeguarded({ redirect: 'staging@example.org' }, 'a@x.example', 'b@y.example')).toEqual([
      [['staging@example.org', null]],
      { redirectedFrom: 'a@x.example, b@y.example' },
    ]);
  });

  test('who is it already stays, and so do those that are allowed', () => {
    const options = { redirect: 'staging@example.org', allow: ['@corp.example'] };
    expect(safeguarded(options, 'Staging@example.org', 'ann@corp.example', 'b@y.example')).toEqual([
      [
        ['Staging@example.org', null],
        ['ann@corp.example', null],
      ],
      { redirectedFrom: 'b@y.example' },
    ]);
    expect(safeguarded(options, 'ann@corp.example')).toEqual([[['ann@corp.example', null]], {}]);
  });

  test('the wishes for reports of those who were replaced do not come along', () => {
    const guard = compileSafety({ redirect: 's@example.org', allow: null, holdAll: false });
    expect(guard([{ address: 'a@x.example', notify: ['success'] }]).recipients[0]?.recipient).toEqual({
      address: 's@example.org',
    });
  });
});

test('a report that is redirected asks for no report about it', () => {
  const guard = compileSafety({ redirect: 's@example.org', allow: null, holdAll: false });
  expect(guard([{ address: 'a@x.example', notify: ['never'] }]).recipients[0]?.recipient).toEqual({
    address: 's@example.org',
    notify: ['never'],
  });
});

describe('allow', () => {
  test('others are held', () => {
    expect(
      safeguarded({ allow: ['@corp.example', 'a@x.example'] }, 'A@X.example', 'ann@corp.example', 'b@y.example'),
    ).toEqual([
      [
        ['A@X.example', null],
        ['ann@corp.example', null],
        ['b@y.example', 'not-allowed'],
      ],
      {},
    ]);
  });

  test('an empty list allows nobody', () => {
    expect(safeguarded({ allow: [] }, 'a@x.example')).toEqual([[['a@x.example', 'not-allowed']], {}]);
  });
});

test('holdAll holds all, redirected or not', () => {
  expect(safeguarded({ holdAll: true, allow: ['@x.example'] }, 'a@x.example')).toEqual([
    [['a@x.example', 'hold-all']],
    {},
  ]);
  expect(safeguarded({ holdAll: true, redirect: 's@example.org' }, 'a@x.example')).toEqual([
    [['s@example.org', 'hold-all']],
    { redirectedFrom: 'a@x.example' },
  ]);
});

test('nobody who is not allowed gets mail, whatever else is set, and no message is left without a recipient', () => {
  const address = fc.constantFrom('a@x.example', 'b@y.example', 'c@sub.x.example', 's@example.org');
  const options = fc.record({
    redirect: fc.option(fc.constant('s@example.org')),
    allow: fc.option(fc.subarray(['@x.example', '@*.x.example', 'b@y.example'])),
    holdAll: fc.boolean(),
  });
  fc.assert(
    fc.property(options, fc.array(address, { minLength: 1 }), (given, addresses) => {
      const { recipients } = compileSafety(given)(addresses.map((each) => ({ address: each })));
      expect(recipients.length).toBeGreaterThan(0);
      for (const { recipient, held } of recipients) {
        if (held !== null || (given.allow === null && given.redirect === null)) continue;
        const named = given.allow?.some((pattern) => recipient.address.endsWith(pattern.replace('@*', '')));
        expect(named === true || recipient.address === given.redirect).toBe(true);
      }
    }),
  );
});

describe('an international domain', () => {
  const both = ['bob@bücher.example', 'bob@xn--bcher-kva.example'];

  test.each(both)('is allowed in both spellings: %s', (address) => {
    for (const allow of [['@bücher.example'], ['@xn--bcher-kva.example'], both.slice(0, 1), both.slice(1)])
      expect(safeguarded({ allow }, address)).toEqual([[[address, null]], {}]);
  });

  test('of a redirect is kept in ASCII, which every relay takes, and whoever it is already stays', () => {
    const redirect = 'tester@bücher.example';
    const ascii = 'tester@xn--bcher-kva.example';
    expect(safeguarded({ redirect }, 'a@x.example')).toEqual([[[ascii, null]], { redirectedFrom: 'a@x.example' }]);
    expect(safeguarded({ redirect }, ascii)).toEqual([[[ascii, null]], {}]);
    expect(safeguarded({ redirect }, redirect)).toEqual([[[redirect, null]], {}]);
  });
});
