import { describe, expect, test } from 'vitest';
import { KeyDigest } from './key-digest.ts';

const HEADER =
  'Date: today\r\nSubject: s\r\nMESSAGE-ID:\r\n <a@b>\r\nContent-Type: multipart/mixed;\r\n boundary="--_NmP-0123456789abcdef-Part_1"';
const BODY =
  '\r\n\r\n----_NmP-0123456789abcdef-Part_1\r\n\r\nhello\r\n----_NmP-0123456789abcdef-Part_1--\r\n0123456789abcde';

function digest(text: string, { size = text.length, to = ['b@x.org'], boundary = '0123456789abcdef' } = {}): string {
  const envelope = { sender: 'a@x.org', recipients: to.map((address) => ({ address })), smtputf8: false };
  const made = new KeyDigest(envelope, { fields: new Set(['date', 'message-id']), boundary });
  for (let at = 0; at < text.length; at += size) made.push(Buffer.from(text.slice(at, at + size)));
  return Buffer.from(made.value()).toString('hex');
}

describe('the digest of a key', () => {
  test('is the same however the content is cut into chunks', () => {
    const whole = digest(HEADER + BODY);
    for (let size = 1; size < 40; size++) expect(digest(HEADER + BODY, { size })).toBe(whole);
  });

  test('leaves out the fields and boundaries that were generated', () => {
    const other = HEADER.replace('today', 'tomorrow').replace('<a@b>', '<c@d>') + BODY;
    const text = other.replaceAll('0123456789abcdef', 'fedcba9876543210');
    expect(digest(text, { boundary: 'fedcba9876543210' })).toBe(digest(HEADER + BODY));
  });

  test.each([
    ['a field', HEADER.replace('Subject: s', 'Subject: S') + BODY],
    ['a field of the same name behind the header', `${HEADER}${BODY}Date: today`],
    [
      'a folded line of its own',
      HEADER.replace('today', 'today\r\n x').replace('Subject: s', 'Subject: s\r\n t') + BODY,
    ],
    ['the text', HEADER + BODY.replace('hello', 'hallo')],
    ['the end', (HEADER + BODY).slice(0, -1)],
    ['where the header ends', HEADER.replace('\r\nSubject', '\r\n\r\nSubject') + BODY],
  ])('differs by %s', (_, text) => {
    expect(digest(text)).not.toBe(digest(HEADER + BODY));
  });

  test('goes by the set of recipients, domains without case', () => {
    const two = digest(HEADER, { to: ['b@x.org', 'c@x.org'] });
    expect(digest(HEADER, { to: ['c@X.org', 'b@x.org', 'b@x.org'] })).toBe(two);
    expect(digest(HEADER, { to: ['b@x.org'] })).not.toBe(two);
  });
});
