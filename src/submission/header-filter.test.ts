import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeaderFilter } from './header-filter.ts';

const MISSING = { date: 'Date: now\r\n', messageId: 'Message-ID: <new@here>\r\n' };
const BOTH = MISSING.date + MISSING.messageId;
const HAS = 'Date: d\r\nMessage-ID: <1@x>\r\n';

function filter(pieces: readonly string[]): { content: string; filter: HeaderFilter } {
  const filter = new HeaderFilter(MISSING);
  const kept = pieces.flatMap((piece) => filter.push(Buffer.from(piece, 'latin1')));
  const content = Buffer.concat([...kept, ...filter.end()]).toString('latin1');
  return { content, filter };
}

describe('what is added', () => {
  test.each([
    ['nothing where both are there', `${HAS}\r\nbody`, `${HAS}\r\nbody`],
    ['both before the blank line', 'Subject: s\r\n\r\nbody', `Subject: s\r\n${BOTH}\r\nbody`],
    ['a Date alone', 'message-id: <1@x>\r\n\r\n', `message-id: <1@x>\r\n${MISSING.date}\r\n`],
    ['a Message-ID alone', 'DATE : d\r\n\r\n', `DATE : d\r\n${MISSING.messageId}\r\n`],
    ['a header before an empty one', '\r\nbody', `${BOTH}\r\nbody`],
    [
      'a header and its blank line before a content without one',
      'Hello there.\r\nDate: d\r\n',
      `${BOTH}\r\nHello there.\r\nDate: d\r\n`,
    ],
    ['the same before a content that begins with white space', ' x: y\r\n', `${BOTH}\r\n x: y\r\n`],
    ['a header for no content at all', '', BOTH],
    ['a line end where the header is cut off', 'Subject: s', `Subject: s\r\n${BOTH}`],
    ['nothing but fields behind a header without a body', 'Subject: s\r\n', `Subject: s\r\n${BOTH}`],
    [
      'fields before the line that is no field',
      'Subject: s\r\nno field\r\nDate: d\r\n',
      `Subject: s\r\n${BOTH}no field\r\nDate: d\r\n`,
    ],
    [
      'the same behind the line of a mailbox file',
      'From a@x Sun Nov 22\r\nSubject: s\r\n\r\n',
      `From a@x Sun Nov 22\r\nSubject: s\r\n${BOTH}\r\n`,
    ],
    ['both in the place of empty ones', 'Message-ID: \r\nDATE :\r\n \r\nTo: a\r\n\r\n', `To: a\r\n${BOTH}\r\n`],
    ['a Message-ID where an empty one is the last line', 'Date: d\r\nMessage-ID:', `Date: d\r\n${MISSING.messageId}`],
    ['both before a stray line behind empty ones', 'Date:\r\nMessage-ID:\r\nno field\r\n', `${BOTH}no field\r\n`],
    [
      'nothing where the value is on the next line',
      'Date: \r\n d\r\nMessage-ID:\r\n\r\n'.replace('ID:', 'ID:\r\n <1@x>'),
      'Date: \r\n d\r\nMessage-ID:\r\n <1@x>\r\n\r\n',
    ],
    ['nothing where a second one has a value', `Date:\r\nMessage-ID:\r\n${HAS}\r\n`, `${HAS}\r\n`],
    [
      'a Message-ID in the place of white space without end',
      `Date: d\r\nMessage-ID:\r\n${' \r\n'.repeat(2000)}To: a\r\n\r\n`,
      `Date: d\r\nTo: a\r\n${MISSING.messageId}\r\n`,
    ],
    [
      'nothing for the name of a field inside of another',
      'X: y\r\n Date: d\r\n\r\n',
      `X: y\r\n Date: d\r\n${BOTH}\r\n`,
    ],
  ])('%s', (_, content, expected) => {
    expect(filter([content]).content).toBe(expected);
    expect(filter([...content]).content).toBe(expected);
  });
});

describe('what is dropped', () => {
  test.each([
    ['Bcc with its folded lines', `Bcc: a@x,\r\n b@x,\r\n\tc@x\r\n${HAS}\r\n`, `${HAS}\r\n`],
    ['Bcc at the end of the header', `${HAS}bcc:a@x\r\n\r\n`, `${HAS}\r\n`],
    ['Resent-Bcc, and white space before a colon', `RESENT-BCC \t: a@x\r\n${HAS}\r\n`, `${HAS}\r\n`],
    ['each one of several', `Bcc: a\r\nBcc: b\r\nTo: c\r\nBcc: d\r\n${HAS}\r\n`, `To: c\r\n${HAS}\r\n`],
    ['Bcc that is cut off', `${HAS}Bcc: a`, HAS],
    ['no field whose name only resembles it', `${HAS}X-Bcc: a\r\nBcc2: b\r\n\r\n`, `${HAS}X-Bcc: a\r\nBcc2: b\r\n\r\n`],
    [
      'Bcc behind a line that is no field: to some readers the header goes on there',
      `${HAS}no field\r\nBcc: a,\r\n b\r\nTo: c\r\nagain none\r\nresent-bcc : d\r\n folded\r\n\r\nBcc: e\r\n`,
      `${HAS}no field\r\nTo: c\r\nagain none\r\n\r\nBcc: e\r\n`,
    ],
    ['the same where the content ends there', `${HAS}no field\r\nBcc: a`, `${HAS}no field\r\n`],
    ['nothing where there is no header', 'Hello.\r\nBcc: a\r\n', `${BOTH}\r\nHello.\r\nBcc: a\r\n`],
    ['nothing from the body', `${HAS}\r\nBcc: a\r\n\r\nBcc: b\r\n`, `${HAS}\r\nBcc: a\r\n\r\nBcc: b\r\n`],
  ])('%s', (_, content, expected) => {
    expect(filter([content]).content).toBe(expected);
    expect(filter([...content]).content).toBe(expected);
  });
});

describe('what is noted', () => {
  test('the Subject, decoded and clipped', () => {
    expect(
      filter(['Subject: =?utf-8?Q?=C3=BC?=\r\n =?utf-8?Q?b?=\r\nSubject: two\r\n\r\nSubject: three\r\n']).filter
        .subject,
    ).toBe('üb');
    expect(filter([`Subject: ${'x'.repeat(10_000)}\r\n\r\n`]).filter.subject).toBe('x'.repeat(255));
    expect(filter(['Subject:\r\n\r\n']).filter.subject).toBe('');
    expect(filter(['X: y\r\n\r\n']).filter.subject).toBeNull();
  });

  test('the Message-ID with its brackets, also from a folded line with comments', () => {
    expect(filter(['Message-ID:\r\n <1@x> (no comment)\r\n\r\n']).filter.messageId).toBe('<1@x>');
    expect(filter(['Message-ID: bare\r\n\r\n']).filter.messageId).toBe('bare');
    expect(filter(['Message-ID: =?utf-8?Q??=\r\n\r\n']).filter.messageId).toBe('=?utf-8?Q??=');
    expect(filter(['Message-ID: \r\n\r\n']).filter.messageId).toBeUndefined();
  });

  test('Received fields of the header, not of the body', () => {
    expect(filter(['Received: a\r\nreceived : b\r\n c\r\n\r\nReceived: d\r\n']).filter.hops).toBe(2);
  });

  test('the size of the header', () => {
    expect(filter([`${HAS}\r\nbody`]).filter.size).toBe(HAS.length);
  });

  test('a name like __proto__ is a name like any other', () => {
    const content = `__proto__: x\r\nconstructor: y\r\n${HAS}\r\n`;
    expect(filter([content]).content).toBe(content);
  });
});

test('how the content is split changes nothing', () => {
  const line = fc.constantFrom(
    'Bcc: a',
    ' folded',
    'Subject: s',
    'Received: r',
    'Date: d',
    'Date:',
    'message-id : ',
    ' ',
    '',
    'no field',
    'From x',
    ':',
    'X :',
    'x'.repeat(1100),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(300), { maxLength: 6 }), (lines, cuts) => {
      const content = lines.join('\r\n');
      const places = [...cuts, 0, content.length].sort((a, b) => a - b);
      const whole = filter([content]);
      const parts = filter(places.slice(1).map((end, i) => content.slice(places[i], end)));
      expect(parts.content).toBe(whole.content);
      expect([parts.filter.subject, parts.filter.hops]).toEqual([whole.filter.subject, whole.filter.hops]);
    }),
    { numRuns: 500 },
  );
});

test('without Bcc, what goes in comes out, but for the added fields and at most one line end beside them', () => {
  const part = fc.constantFrom('a', ':', ' ', '\r\n', 'Date', 'Message-ID', 'X-Y: z\r\n', '\xff');
  const text = fc.array(part, { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (content) => {
      fc.pre(!/^(?:Date|Message-ID) *:\s*(?:\r|$)/m.test(content));
      const rest = filter([content]).content.replace(MISSING.date, '').replace(MISSING.messageId, '');
      expect([content, `\r\n${content}`, `${content}\r\n`]).toContain(rest);
    }),
  );
});
