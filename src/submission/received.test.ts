import { expect, test } from 'vitest';
import { receivedField } from './received.ts';

const BY = {
  hostname: 'mx.example.org',
  id: '019ab000-0000-7000-8000-000000000000',
  recipient: undefined,
  now: Date.UTC(2026, 10, 22, 9, 5, 6),
};
const FROM = { name: 'client.example.com', address: '192.0.2.1', protocol: 'ESMTP' } as const;

test('says from whom, by whom, how, as what, and when', () => {
  expect(receivedField(FROM, BY)).toBe(
    'Received: from client.example.com ([192.0.2.1])\r\n' +
      '\tby mx.example.org (posthaste) with ESMTP id 019ab000-0000-7000-8000-000000000000;\r\n' +
      '\tSun, 22 Nov 2026 09:05:06 +0000\r\n',
  );
});

test('names the recipient and the cipher where it is told them', () => {
  const field = receivedField(
    { ...FROM, protocol: 'ESMTPSA', cipher: 'TLS_AES_256_GCM_SHA384' },
    { ...BY, recipient: 'b@example.net' },
  );
  expect(field).toContain(
    ' with ESMTPSA id 019ab000-0000-7000-8000-000000000000\r\n\tfor <b@example.net>\r\n\ttls TLS_AES_256_GCM_SHA384;\r\n\t',
  );
});

test('writes an IPv6 address as a literal', () => {
  expect(receivedField({ ...FROM, address: '2001:db8::1' }, BY)).toContain(
    'from client.example.com ([IPv6:2001:db8::1])\r\n',
  );
});

test.each(['evil\r\nBcc: x', 'a b', '(comment)', 'x'.repeat(256), 'jürgen'])(
  'puts the address in place of the name %j',
  (name) => {
    expect(receivedField({ ...FROM, name }, BY)).toMatch(/^Received: from \[192\.0\.2\.1\] \(\[192\.0\.2\.1\]\)\r\n/);
  },
);

test('without a client it says by whom and when', () => {
  expect(receivedField(null, BY)).toMatch(/^Received: by mx\.example\.org \(posthaste\) id [0-9a-f-]+;\r\n\tSun/);
});
