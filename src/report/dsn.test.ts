import PostalMime from 'postal-mime';
import { describe, expect, test } from 'vitest';
import type { Delivery } from '../queue/delivery.ts';
import type { Message } from '../queue/message.ts';
import { composeReport, decodeXtext } from './dsn.ts';
import type { Reported, ReportInput } from './owed.ts';

const now = Date.UTC(2026, 10, 22, 1, 2, 3);
const original = Buffer.from(
  'Received: by mx\r\nFrom: a@example.org\r\nSubject: Hello\r\nMessage-ID: <m@x>\r\n\r\nbody text\r\n',
);

const message: Message = {
  id: '019b0000-0000-7000-8000-000000000001',
  createdAt: now - 1000,
  sender: 'a@example.org',
  messageId: '<m@x>',
  subject: 'Hello',
  size: original.length,
  eightBit: false,
  smtputf8: false,
  ret: null,
  envelopeId: null,
  priority: 'medium',
  origin: 'smtp',
  reportOn: null,
  key: null,
  tags: [],
  metadata: {},
  retry: null,
  keepContent: true,
  trace: null,
};

const delivery: Delivery = {
  id: message.id,
  ordinal: 1,
  recipient: 'b@example.com',
  notify: null,
  originalRecipient: null,
  relay: 'default',
  state: 'sending',
  reason: null,
  priority: 'medium',
  createdAt: now - 1000,
  dueAt: now,
  expiresAt: now + 432_000_000,
  attempts: 1,
  lastReply: null,
  lastAttemptAt: now,
  inDoubt: false,
  delayReportAt: now + 14_400_000,
  delayReported: false,
  changedAt: now,
};

const failed: Reported = {
  delivery,
  action: 'failed',
  reply: { code: 550, status: '5.1.1', text: 'no such user' },
  remote: 'mx.example.com',
  expired: null,
  doubt: false,
};
const input: ReportInput = {
  id: '019b0000-0000-7000-8000-0000000000ff',
  message,
  recipients: [failed],
  original,
  hostname: 'queue.example.org',
  now,
};

const textOf = (report: ReturnType<typeof composeReport>): string => {
  if (report === null || !('bytes' in report.content)) throw new Error('no report');
  return Buffer.from(report.content.bytes).toString('utf8');
};

describe('composeReport', () => {
  test('comes from the null sender and asks for no report on itself', () => {
    const report = composeReport(input);
    expect(report?.envelope).toEqual({
      sender: null,
      recipients: [{ address: 'a@example.org', notify: ['never'] }],
      smtputf8: false,
    });
    expect(report).toMatchObject({ origin: 'report', reportOn: message.id, eightBit: false });
  });

  test('is never owed to the null sender', () => {
    expect(composeReport({ ...input, message: { ...message, sender: null } })).toBeNull();
  });

  test('has the fields of RFC 3464', () => {
    const text = textOf(composeReport({ ...input, message: { ...message, envelopeId: 'QQ+2B1' } }));
    expect(text).toContain(
      'Reporting-MTA: dns; queue.example.org\r\nOriginal-Envelope-Id: QQ+1\r\nArrival-Date: Sun, 22 Nov 2026 01:02:02 +0000\r\n',
    );
    expect(text).toContain(
      'Final-Recipient: rfc822; b@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.com\r\n',
    );
    expect(text).toContain('Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n');
    expect(text).toContain('In-Reply-To: <m@x>\r\nReferences: <m@x>\r\nAuto-Submitted: auto-replied\r\n');
  });

  test('a mail reader finds the text, the status and the whole original in it', async () => {
    const report = composeReport(input);
    const parsed = await PostalMime.parse(textOf(report), { forceRfc822Attachments: true });
    expect(parsed.subject).toBe('Delivery failed: Hello');
    expect(parsed.text).toContain('<b@example.com>: your message could not be delivered');
    expect(parsed.attachments.map((part) => part.mimeType)).toEqual(['message/delivery-status', 'message/rfc822']);
    const returned = parsed.attachments[1]?.content;
    expect(Buffer.from(returned as ArrayBuffer).toString()).toContain('body text');
  });

  test('names every recipient in one report', () => {
    const other: Reported = {
      ...failed,
      action: 'delayed',
      delivery: { ...delivery, ordinal: 2, recipient: 'c@example.com' },
      reply: { code: 451, text: 'later' },
    };
    const text = textOf(composeReport({ ...input, recipients: [failed, other] }));
    expect(text.match(/^Final-Recipient:/gm)).toHaveLength(2);
    expect(text).toContain('Action: delayed\r\nStatus: 4.0.0\r\n');
    expect(text).toMatch(/Will-Retry-Until: /);
  });

  test('what posthaste refused itself is no word of an SMTP server: it has a type of its own, and no remote', () => {
    const reply = { code: 552, status: '5.3.4', text: 'too large', ours: true } as const;
    const text = textOf(composeReport({ ...input, recipients: [{ ...failed, reply }] }));
    expect(text).toContain('Status: 5.3.4\r\nDiagnostic-Code: X-posthaste; 552 5.3.4 too large\r\n');
    expect(text).toContain('posthaste says: 552 5.3.4 too large');
    expect(text).not.toContain('Remote-MTA');
  });

  test('says of what is in doubt that it may have arrived', () => {
    const expired = { ...failed, expired: 'time', doubt: true } as const;
    const text = textOf(composeReport({ ...input, recipients: [expired] }));
    expect(text).toContain('It may have arrived all the same: an attempt ended before the answer');
    expect(textOf(composeReport(input))).not.toContain('may have arrived');
  });

  test('what a server said that has no name here is its word all the same', () => {
    const text = textOf(composeReport({ ...input, recipients: [{ ...failed, remote: null }] }));
    expect(text).toContain('Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n');
    expect(text).toContain('The relay said: 550 5.1.1 no such user');
  });

  test('what is out of time says so and how long it took, with the last reply as its diagnostic', () => {
    const reply = { code: 450, status: '4.2.2', text: 'mailbox full' };
    const late: Reported = {
      ...failed,
      reply,
      expired: 'time',
      delivery: { ...delivery, expiresAt: delivery.createdAt + 432_000_000 },
    };
    const text = textOf(composeReport({ ...input, recipients: [late] }));
    expect(text).toContain(
      'Status: 5.4.7\r\nRemote-MTA: dns; mx.example.com\r\nDiagnostic-Code: smtp; 450 4.2.2 mailbox full\r\n',
    );
    expect(text).toContain('<b@example.com>: your message could not be delivered within 5 days, and');
    expect(text).toContain('mx.example.com said last: 450 4.2.2 mailbox full');
  });

  test('what has had all its attempts says how many', () => {
    const reply = { code: 450, status: '4.2.2', text: 'mailbox full' };
    const text = textOf(composeReport({ ...input, recipients: [{ ...failed, reply, expired: 'attempts' }] }));
    expect(text).toContain('Status: 5.2.2\r\n');
    expect(text).toContain('your message could not be delivered in 1 attempt, and');
  });

  test('RET=HDRS, a large original and a content that could not travel come back as header alone', () => {
    const hdrs = textOf(composeReport({ ...input, message: { ...message, ret: 'hdrs' } }));
    const large = textOf(composeReport({ ...input, message: { ...message, size: 60_000 } }));
    const form = textOf(
      composeReport({ ...input, recipients: [{ ...failed, reply: { code: 554, status: '5.6.3', text: 'no 8bit' } }] }),
    );
    for (const text of [hdrs, large, form]) {
      expect(text).toContain('Content-Type: text/rfc822-headers\r\n\r\nReceived: by mx');
      expect(text).not.toContain('body text');
    }
  });

  test('what a remote said cannot add fields or lines', () => {
    const reply = { code: 550, text: 'bad\r\nX-Evil: 1\u0007 ünï' };
    const text = textOf(composeReport({ ...input, recipients: [{ ...failed, reply }] }));
    expect(text).not.toMatch(/^X-Evil/m);
    expect(text).not.toContain('\u0007');
  });

  test('an 8-bit header and a UTF-8 address travel in a 7-bit report', () => {
    const eight = Buffer.from('Subject: caf\u00e9\r\n\r\nx\r\n');
    const report = composeReport({
      ...input,
      message: { ...message, subject: 'café', ret: 'hdrs', eightBit: true },
      original: eight,
      recipients: [{ ...failed, delivery: { ...delivery, recipient: 'jürgen@example.com' } }],
    });
    expect(report?.eightBit).toBe(false);
    expect(textOf(report)).toContain('Final-Recipient: utf-8; j\\x{FC}rgen@example.com');
  });

  test('an envelope id and a Message-ID beyond ASCII leave no octet that a 7-bit report must not have', () => {
    const strange = { ...message, messageId: '<ä@x>', envelopeId: 'a+E4b', size: 60_000 };
    const report = composeReport({ ...input, message: strange });
    expect(report?.eightBit).toBe(false);
    expect(textOf(report)).toMatch(/^[\x20-\x7e\r\n\t]*$/);
    expect(textOf(report)).toContain('Original-Envelope-Id: a\\x{E4}b\r\n');
    expect(textOf(report)).not.toContain('In-Reply-To');
    const global = textOf(composeReport({ ...input, message: { ...strange, sender: 'ä@example.org' } }));
    expect(global).toContain('In-Reply-To: <ä@x>\r\nReferences: <ä@x>\r\n');
  });

  test('a header in UTF-8 is returned to a sender in ASCII in base64, without the rest', () => {
    const bytes = Buffer.from('Subject: café\r\n\r\nbody text\r\n');
    const global = { ...message, subject: 'café', smtputf8: true, eightBit: true, size: bytes.length };
    const report = composeReport({ ...input, message: global, original: bytes });
    expect(report?.eightBit).toBe(false);
    expect(textOf(report)).toContain(Buffer.from('Subject: café\r\n').toString('base64'));
    const toGlobal = composeReport({ ...input, message: { ...global, sender: 'ä@example.org' }, original: bytes });
    expect(textOf(toGlobal)).toContain('Content-Type: message/global\r\n');
  });

  test('many spaces in a reply make no line of white space', () => {
    const reply = { code: 550, status: '5.1.1', text: `${'a'.repeat(60)}${' '.repeat(130)}b ${'c '.repeat(100)}` };
    const text = textOf(composeReport({ ...input, recipients: [{ ...failed, reply }] }));
    const field = /^Diagnostic-Code: .*\r\n(?:[ \t].*\r\n)*/m.exec(text)?.[0] ?? '';
    expect(field.split('\r\n').length).toBeGreaterThan(3);
    expect(field).not.toMatch(/^[ \t]+\r$/m);
    expect(field.replaceAll('\r\n ', ' ')).toContain(`${'a'.repeat(60)}${' '.repeat(130)}b c c `);
  });

  test('xtext is decoded and stays printable', () => {
    expect(decodeXtext('a+2Bb+0A')).toBe('a+b\\n');
  });
});
