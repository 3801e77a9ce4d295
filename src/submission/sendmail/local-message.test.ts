import { describe, expect, test } from 'vitest';
import { Head } from './head.ts';
import { type Locality, type LocalOptions, localEnvelope, missingFrom } from './local-message.ts';

const HERE: Locality = { user: 'ann', domain: 'host.example', everybody: null };

function headOf(text: string): Head {
  const head = new Head(10_000);
  head.push(Buffer.from(text.replaceAll('\n', '\r\n')));
  return head;
}

function envelope(options: Partial<LocalOptions>, header = '', here: Locality = HERE) {
  return localEnvelope({ recipients: [], fromHeader: false, ...options }, headOf(`${header}\n`).fields, here);
}

function to(options: Partial<LocalOptions>, header = '', here: Locality = HERE): string[] {
  return envelope(options, header, here).recipients.map(({ address }) => address);
}

describe('recipients', () => {
  test('stand on the command line, one or several in an argument', () => {
    expect(to({ recipients: ['a@b.c', 'Dan <d@e.f>, g@h.i'] })).toEqual(['a@b.c', 'd@e.f', 'g@h.i']);
  });

  test('without a domain get that of this machine', () => {
    expect(to({ recipients: ['root', '"a@b"'] })).toEqual(['root@host.example', '"a@b"@host.example']);
  });

  test('without a domain are all one, where one is named for them', () => {
    expect(to({ recipients: ['root', 'www-data', 'd@e.f'] }, '', { ...HERE, everybody: 'admin@example.com' })).toEqual([
      'admin@example.com',
      'd@e.f',
    ]);
  });

  const header =
    'To: a@b.c,\n Friends: d@e.f;\nCc: =?utf-8?Q?J=C3=B6rg?= <j@k.l> (not <x@y.z>)\nBcc: hidden@m.n\nSubject: To: no@no.no\n';

  test('stand in To, Cc and Bcc with -t, beside those of the command line', () => {
    expect(to({ fromHeader: true, recipients: ['first@b.c'] }, header)).toEqual([
      'first@b.c',
      'a@b.c',
      'd@e.f',
      'j@k.l',
      'hidden@m.n',
    ]);
    expect(to({ recipients: ['first@b.c'] }, header)).toEqual(['first@b.c']);
  });

  test('of a message that is sent again stand in its Resent fields alone', () => {
    expect(to({ fromHeader: true }, `Resent-To: again@b.c\nResent-Bcc: too@b.c\n${header}`)).toEqual([
      'again@b.c',
      'too@b.c',
    ]);
  });

  test('that are named twice are one', () => {
    expect(to({ recipients: ['a@B.c', 'a@b.C', 'A@b.c'] })).toEqual(['a@B.c', 'A@b.c']);
  });

  test.each([
    [{ recipients: [] }, '', 'NO_RECIPIENTS', /-t/],
    [{ fromHeader: true }, 'To: undisclosed-recipients:;\n', 'NO_RECIPIENTS', /To, Cc, Bcc/],
    [{ recipients: ['a@b@c d'] }, '', 'ADDRESS_INVALID', /"a@b@c d"/],
    [{ recipients: ['a@b..c'] }, '', 'ADDRESS_INVALID', /"a@b..c" has a malformed domain/],
    [{ recipients: ['<>'] }, '', 'ADDRESS_INVALID', /""/],
    [{ recipients: ['a@b.c', 'bad one'] }, '', 'ADDRESS_INVALID', /"bad one"/],
    [{ fromHeader: true }, 'To: good@b.c, Bad <x@\n', 'ADDRESS_INVALID', /Bad <x@/],
  ])('%j with %j is refused as a whole: %s', (options, head, code, words) => {
    expect(() => to(options, head)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(words) }));
  });
});

describe('the sender', () => {
  test.each([
    [undefined, 'ann@host.example'],
    ['', null],
    ['<>', null],
    ['bob', 'bob@host.example'],
    ['bob@b.c', 'bob@b.c'],
    ['Bob <bob@b.c>', 'bob@b.c'],
  ])('with -f %j is %j', (sender, expected) => {
    expect(envelope({ recipients: ['x@y.z'], ...(sender !== undefined && { sender }) }).sender).toBe(expected);
  });

  test('is never the one who gets the mail for names without a domain', () => {
    expect(envelope({ recipients: ['root'] }, '', { ...HERE, everybody: 'admin@e.f' }).sender).toBe('ann@host.example');
  });

  test('of a user whose name is no plain word is quoted', () => {
    expect(envelope({ recipients: ['x'] }, '', { ...HERE, user: 'DOM\\ann b' }).sender).toBe(
      '"DOM\\\\ann b"@host.example',
    );
  });
});

test('DSN parameters go with every recipient, the envelope id encoded', () => {
  expect(
    envelope({ recipients: ['a@b.c'], notify: ['failure', 'delay'], ret: 'hdrs', envelopeId: 'a+b c' }),
  ).toMatchObject({
    recipients: [{ address: 'a@b.c', notify: ['failure', 'delay'] }],
    ret: 'hdrs',
    envelopeId: 'a+2Bb+20c',
  });
});

test('only addresses beyond ASCII ask for SMTPUTF8', () => {
  expect(envelope({ recipients: ['a@b.c'] }, 'Subject: Grüße\n').smtputf8).toBe(false);
  expect(envelope({ recipients: ['jürgen@b.c'] }).smtputf8).toBe(true);
});

describe('the From field that is missing', () => {
  test.each([
    ['Subject: x\n', undefined, 'From: ann@b.c\r\n'],
    ['Subject: x\n', 'Ann Example', 'From: Ann Example <ann@b.c>\r\n'],
    ['', 'Example, Ann "A"', 'From: "Example, Ann \\"A\\"" <ann@b.c>\r\n'],
    ['', 'Änn', 'From: =?utf-8?B?w4Rubg==?= <ann@b.c>\r\n'],
    ['', 'a\r\nBcc: x@y.z', 'From: "a Bcc: x@y.z" <ann@b.c>\r\n'],
    ['From: someone@else\n', 'Ann', ''],
    ['FROM : someone@else\n', 'Ann', ''],
  ])('of %j with the name %j is %j', (header, name, expected) => {
    expect(missingFrom(headOf(`${header}\n`), 'ann@b.c', name, HERE)).toBe(expected);
  });

  test('names the user where the sender is null', () => {
    expect(missingFrom(headOf('\n'), null, undefined, HERE)).toBe('From: ann@host.example\r\n');
  });
});
