import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRejection } from '../rejections.ts';
import { parseBdat, parseMail, parseRcpt, splitLine } from './command.ts';

describe('a command line', () => {
  test('is a verb in any case and its argument', () => {
    expect(splitLine('mail  FROM:<a@b> ')).toEqual({ verb: 'MAIL', argument: 'FROM:<a@b>' });
    expect(splitLine('NOOP')).toEqual({ verb: 'NOOP', argument: '' });
    expect(splitLine('')).toEqual({ verb: '', argument: '' });
  });

  test('is read as UTF-8', () => {
    expect(splitLine(Buffer.from('X ü').toString('latin1'))).toEqual({ verb: 'X', argument: 'ü' });
    expect(splitLine('X \xff')).toBeUndefined();
  });

  test.each(['\0', '\t', '\x7f', '\r', '\x1b', '\xc2\x85'])('with the control character %j is none', (char) => {
    expect(splitLine(`NOOP ${char}`)).toBeUndefined();
  });
});

describe('MAIL', () => {
  test('has a sender and its parameters', () => {
    expect(parseMail('FROM:<a@example.com> SIZE=10 RET=full ENVID=x+2By SMTPUTF8 BODY=8BITMIME AUTH=<>')).toEqual({
      sender: 'a@example.com',
      size: 10,
      smtputf8: true,
      ret: 'full',
      envelopeId: 'x+2By',
    });
  });

  test('may come from nobody', () => {
    expect(parseMail('from: <>')).toEqual({ sender: null, size: 0, smtputf8: false });
  });
});

describe('RCPT', () => {
  test('has a recipient and what its sender wants to hear', () => {
    expect(parseRcpt('TO:<b@example.com> ORCPT=rfc822;b@old.example NOTIFY=failure,DELAY', false, 'mx')).toEqual({
      address: 'b@example.com',
      notify: ['failure', 'delay'],
      originalRecipient: 'rfc822;b@old.example',
    });
  });

  test.each([
    'rfc822;b+2Btag@old.example',
    'rfc822;b+3D@old.example',
    'utf-8;j\\x{FC}rgen@example.com',
    'utf-8;jürgen@example.com',
    'x400;/C+3Dde/',
  ])('has the original recipient %s as it was given', (orcpt) => {
    const parsed = parseRcpt(`TO:<b@example.com> ORCPT=${orcpt}`, true, 'mx');
    expect(parsed).toMatchObject({ originalRecipient: orcpt });
  });

  test.each([
    'b@old.example',
    'rfc822;',
    'rfc822;b+tag@old.example',
    'rfc822;b+2btag@old.example',
    'rfc822;b=c@old.example',
    'rfc822;b+2',
    'rfc822;jürgen@example.com',
    'utf-8;j+FCrgen=@example.com',
    `rfc822;${'x'.repeat(500)}`,
  ])('with the original recipient %s is refused: that is no xtext', (orcpt) => {
    const parsed = parseRcpt(`TO:<b@example.com> ORCPT=${orcpt}`, true, 'mx');
    expect(parsed).toMatchObject({ code: 501, status: '5.5.4' });
  });

  test('with an original recipient in UTF-8 is refused without SMTPUTF8, and its form in ASCII is not', () => {
    const parsed = (orcpt: string): unknown => parseRcpt(`TO:<b@example.com> ORCPT=${orcpt}`, false, 'mx');
    expect(parsed('utf-8;jürgen@example.com')).toMatchObject({ code: 501, status: '5.5.4' });
    const originalRecipient = 'utf-8;j\\x{FC}rgen@example.com';
    expect(parsed(originalRecipient)).toEqual({ address: 'b@example.com', originalRecipient });
  });

  test('completes postmaster alone', () => {
    expect(parseRcpt('TO:<POSTMASTER>', false, 'mx.example.org')).toEqual({ address: 'POSTMASTER@mx.example.org' });
    expect(parseRcpt('TO:<root>', false, 'mx.example.org')).toMatchObject({ code: 553 });
  });
});

test.each([
  ['1', { size: 1, last: false }],
  ['0 last', { size: 0, last: true }],
  ['999999999999999', { size: 999999999999999, last: false }],
  ['', undefined],
  ['-1', undefined],
  ['1 FIRST', undefined],
  ['1LAST', undefined],
  ['0x10', undefined],
  ['1e3', undefined],
  ['9999999999999999', undefined],
])('BDAT %j', (argument, expected) => {
  expect(parseBdat(argument)).toEqual(expected);
});

describe('any argument', () => {
  const part = fc.constantFrom(
    'FROM:',
    'TO:',
    '<',
    '>',
    '@',
    '"',
    '\\',
    ' ',
    'a',
    'b.example',
    ':',
    ',',
    'SIZE=',
    'ORCPT=',
    'NOTIFY=',
    '=',
    '+',
    'ü',
  );
  const argument = fc.array(part, { maxLength: 60 }).map((parts) => parts.join(''));

  test('gives a well-formed address or a refusal', () => {
    fc.assert(
      fc.property(argument, (text) => {
        const mail = parseMail(text);
        if (!isRejection(mail))
          expect(mail.sender).toSatisfy((sender: string | null) => sender === null || /^.+@.+$/.test(sender));
        const rcpt = parseRcpt(text, true, 'mx');
        if (!isRejection(rcpt)) expect(rcpt.address).toMatch(/^.+@.+$/);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['quotes', `FROM:<${'"\\"'.repeat(1_300)}@x>`],
    ['routes', `FROM:<${'@a,'.repeat(1_300)}:b@x>`],
    ['open brackets', `FROM:${'<'.repeat(4_000)}`],
    ['parameters', `FROM:<> ${'A=1 '.repeat(1_000)}`],
    ['xtext', `FROM:<> ENVID=${'+2B'.repeat(1_300)}!`],
    ['notify', `FROM:<> NOTIFY=${'DELAY,'.repeat(600)}`],
    ['a long domain', `FROM:<a@${'a.'.repeat(2_000)}!>`],
  ])('of %s is judged at once', (_, text) => {
    const start = performance.now();
    parseMail(text);
    parseRcpt(text.replace('FROM:', 'TO:'), true, 'mx');
    // Backtracking would take minutes; the bound is wide for slow machines.
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
