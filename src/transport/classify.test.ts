import { describe, expect, test } from 'vitest';
import type { Reply } from '../mail/reply.ts';
import { replyFromLines } from '../mail/reply.ts';
import { classify, RULES, type Rule, STAGES, type Stage } from './classify.ts';

function reply(text: string): Reply {
  return replyFromLines(Number(text.slice(0, 3)), [text.slice(4)]);
}

function meaning(stage: Stage, text: string): string {
  const { kind, rule, ...rest } = classify(stage, reply(text));
  return `${rule}: ${kind}${'scope' in rest ? ` ${rest.scope}` : ''}`;
}

const TABLE: readonly [Stage, string, string][] = [
  ['greeting', '421 4.3.2 too busy', 'closing: deferred relay'],
  ['mail', '421 4.7.0 try later', 'closing: deferred relay'],
  ['rcpt', '421 4.7.0 try later', 'closing: deferred relay'],
  ['dot', '421 4.4.2 timeout', 'closing: deferred relay'],
  ['connect', '451 4.4.1 connect to mail.example.com:587 refused', 'way: deferred relay'],
  ['tls', '451 4.7.5 certificate has expired', 'way: deferred relay'],
  ['greeting', '554 5.7.1 go away', 'way: deferred relay'],
  ['ehlo', '550 5.7.1 bad name', 'way: deferred relay'],
  ['auth', '535 5.7.8 wrong', 'login: deferred relay'],
  ['auth', '550 no', 'login: deferred relay'],
  ['lost', '451 4.4.2 broken', 'lost: deferred relay'],
  ['cut', '451 4.4.2 broken', 'cut: deferred message'],
  ['dot', '250 2.0.0 ok', 'sent: sent'],
  ['mail', '530 5.7.0 must issue STARTTLS first', 'login-demanded: deferred relay'],
  ['rcpt', '530 5.7.1 authentication required', 'login-demanded: deferred relay'],
  ['mail', '534 5.7.9 please log in with your browser', 'login-demanded: deferred relay'],
  ['data', '454 4.7.0 temporary authentication failure', 'login-demanded: deferred relay'],
  ['dot', '454 Throttling failure: Daily message quota exceeded', 'login-demanded: deferred relay'],
  ['rcpt', '550 5.7.1 Authentication required', 'login-demanded-by-text: deferred relay'],
  ['mail', '503 AUTH first', 'login-demanded-by-text: deferred relay'],
  ['mail', '550 5.7.30 Basic authentication is not supported', 'login-status: deferred relay'],
  ['dot', '550 5.7.57 client not allowed to send', 'login-status: deferred relay'],
  ['mail', '535 5.7.8 no', 'login-demanded: deferred relay'],
  ['mail', '554 5.7.9 mechanism too weak', 'login-status: deferred relay'],
  ['dot', '550 5.4.5 Daily user sending quota exceeded', 'account-quota: deferred relay'],
  ['rcpt', '550 5.2.1 The email account that you tried to reach is disabled', 'recipient-account: refused recipient'],
  ['rcpt', '450 4.2.1 mailbox busy', 'recipient-account: deferred recipient'],
  ['rcpt', '550 This mailbox is disabled', 'recipient-account-by-text: refused recipient'],
  ['mail', '550 5.7.1 Your account has been suspended', 'account-suspended: deferred relay'],
  ['dot', '554 Domain example.com is disabled', 'account-suspended: deferred relay'],
  ['rcpt', '550 account suspended', 'account-suspended-at-rcpt: deferred relay'],
  ['rcpt', '550 5.7.1 your account is disabled', 'account-suspended-at-rcpt: deferred relay'],
  ['rcpt', '550 user disabled', 'recipient: refused recipient'],
  ['dot', '554 Message rejected: Sending suspended for this account.', 'account-stopped: deferred relay'],
  ['dot', '554 Sending paused for this account', 'account-stopped: deferred relay'],
  ['dot', '554 Email sending is disabled for your entire Amazon SES account', 'account-stopped: deferred relay'],
  ['rcpt', '550 Sending is blocked for your account', 'account-stopped: deferred relay'],
  ['mail', '550 Account is locked, contact support', 'account-stopped: deferred relay'],
  ['dot', '550 5.1.8 Access denied, bad outbound sender', 'account-stopped: deferred relay'],
  ['dot', '550 5.4.6 Unusual sending activity detected. Please try after sometime', 'account-stopped: deferred relay'],
  ['rcpt', '550 5.7.501 Access denied, spam abuse detected', 'account-stopped: deferred relay'],
  ['dot', '554 5.7.1 Your message was blocked, it looks like spam', 'message: refused message'],
  ['mail', '554 5.7.1 Sender address blocked', 'message: refused message'],
  ['rcpt', '550 5.1.1 That account is closed', 'recipient-account: refused recipient'],
  ['dot', '550 5.7.1 Daily SMTP relay limit exceeded for customer', 'account-quota-by-text: deferred relay'],
  ['rcpt', '550 5.7.0 Daily SMTP relay sending limit exceeded for this user', 'account-quota-by-text: deferred relay'],
  [
    'rcpt',
    '550 Domain example.com has exceeded the max emails per hour (200/200)',
    'account-quota-by-text: deferred relay',
  ],
  ['mail', '550 You have exceeded your messaging limits', 'account-quota-by-text: deferred relay'],
  ['mail', '554 You have reached your daily email sending limit', 'account-quota-by-text: deferred relay'],
  ['data', '550 Sending quota exceeded', 'account-quota-by-text: deferred relay'],
  ['rcpt', '552 5.2.2 over quota: daily limit reached', 'recipient-account: refused recipient'],
  ['rcpt', '552 Mailbox size limit exceeded', 'recipient-account-by-text: refused recipient'],
  ['dot', '552 5.3.4 Message size exceeds fixed limit', 'message: refused message'],
  ['rcpt', '554 5.7.1 <b@example.com>: Relay access denied', 'relaying-denied: deferred relay'],
  ['rcpt', '550 5.7.64 TenantAttribution; Relay Access Denied', 'relaying-denied: deferred relay'],
  ['rcpt', '550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain', 'relaying-denied: deferred relay'],
  ['rcpt', '553 Relaying disallowed as ann@example.com', 'relaying-denied: deferred relay'],
  ['mail', '550 relay not permitted', 'relaying-denied: deferred relay'],
  ['rcpt', '550 5.7.708 Access denied, traffic not accepted from this IP', 'client-blocked: deferred relay'],
  ['rcpt', '550 5.7.606 Access denied, banned sending IP [192.0.2.1]', 'client-blocked: deferred relay'],
  [
    'rcpt',
    '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org',
    'client-blocked: deferred relay',
  ],
  ['rcpt', '452 4.5.3 too many recipients', 'too-many-recipients: deferred recipient'],
  ['rcpt', '550 5.5.3 no more', 'too-many-recipients: deferred recipient'],
  ['rcpt', '552 Too many recipients', 'too-many-recipients-by-text: deferred recipient'],
  ['mail', '503 5.5.1 nested MAIL command', 'confused: deferred message'],
  ['data', '500 5.5.1 what?', 'confused: deferred message'],
  ['rcpt', '450 4.7.1 greylisted', 'recipient: deferred recipient'],
  ['rcpt', '550 5.1.1 no such user', 'recipient-account: refused recipient'],
  ['mail', '550 5.7.1 sender rejected', 'message: refused message'],
  ['mail', '452 4.3.1 disk full', 'message: deferred message'],
  ['data', '451 4.3.0 later', 'message: deferred message'],
  ['dot', '554 5.7.1 spam', 'message: refused message'],
  ['dot', '552 5.3.4 too big', 'message: refused message'],
  ['dot', '354 go', 'unknown: deferred message'],
  ['rcpt', '354 go', 'unknown: deferred message'],
];

describe('what a reply means', () => {
  test.each(TABLE)('at %s, "%s" is %s', (stage, text, expected) => {
    expect(meaning(stage, text)).toBe(expected);
  });

  test('every row of the table has a test', () => {
    const tested = new Set(TABLE.map(([, , expected]) => expected.split(':')[0]));
    expect(RULES.map((rule) => rule.name).filter((name) => !tested.has(name))).toEqual([]);
  });

  test('names are unique, and every row says why in a sentence', () => {
    expect(new Set(RULES.map((rule) => rule.name)).size).toBe(RULES.length);
    for (const rule of RULES) expect(rule.reason).toMatch(/^[A-Z].*\.$/);
  });

  test('nothing is refused for a reply that is not 5xx', () => {
    for (const stage of STAGES) {
      for (let code = 200; code < 500; code++) expect(classify(stage, { code, text: '' }).kind).not.toBe('refused');
    }
  });

  test('nothing is sent but by a 2xx to the final dot', () => {
    for (const stage of STAGES) {
      for (let code = 200; code < 600; code++) {
        expect(classify(stage, { code, text: '' }).kind === 'sent').toBe(stage === 'dot' && code < 300);
      }
    }
  });

  test('rows of one own go before the others', () => {
    const own: Rule = {
      name: 'own',
      codes: [554],
      text: /spam/,
      verdict: { kind: 'deferred', scope: 'message' },
      reason: 'Ours.',
    };
    expect(classify('dot', reply('554 5.7.1 spam'), [own, ...RULES]).rule).toBe('own');
    expect(classify('dot', reply('554 5.7.1 no'), [own, ...RULES]).rule).toBe('message');
  });
});
