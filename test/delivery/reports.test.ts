/** Reports as other programs read them: Python's email package, which shares no code with us. */
import { describe, expect, test } from 'vitest';
import { Stage } from '../support/delivery.ts';
import { run } from '../support/posthaste.ts';
import { installed } from '../support/smtp-sink.ts';

const reader = `
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
text, status, original = list(m.iter_parts())
print(json.dumps({
    'subject': m['subject'], 'to': m['to'], 'auto': m['auto-submitted'], 'references': m['references'],
    'type': m.get_content_type(), 'reportType': m.get_param('report-type'), 'defects': [str(d) for p in m.walk() for d in p.defects],
    'text': text.get_content(), 'statusType': status.get_content_type(),
    'message': dict(status.get_payload(0)), 'recipients': [dict(p) for p in status.get_payload()[1:]],
    'originalType': original.get_content_type(),
    'original': original.get_payload(0)['subject'] if original.get_content_type() == 'message/rfc822' else original.get_content(),
}))
`;

interface Read {
  readonly [field: string]: unknown;
  readonly recipients: readonly Record<string, string>[];
  readonly message: Record<string, string>;
}

const python = installed('python3');

describe.skipIf(!python)('a report, read by another parser,', () => {
  test('says who failed, why, and about which message', async () => {
    const rcpt = (command: string) =>
      command.includes('@example.com') ? '550 5.1.1 <x> no such "user"' : ({ kind: 'usual' } as const);
    await using stage = await Stage.open({ relay: { script: { rcpt } } });
    const orcpt = { address: 'x@example.com', originalRecipient: 'rfc822;x+2Btag@example.com' };
    const id = await stage.submit({ recipients: [orcpt, 'y@example.com'], subject: 'Invoice 7' });
    await stage.once();
    const [report = ''] = await stage.reports(id);
    const ran = await run('python3', ['-c', reader], { input: report });
    expect(ran.stderr).toBe('');
    const read = JSON.parse(ran.stdout) as Read;
    expect(read).toMatchObject({
      subject: 'Delivery failed: Invoice 7',
      to: 'a@example.org',
      auto: 'auto-replied',
      references: `<${id}@example.org>`,
      type: 'multipart/report',
      reportType: 'delivery-status',
      defects: [],
      statusType: 'message/delivery-status',
      originalType: 'message/rfc822',
      original: 'Invoice 7',
    });
    expect(read.message).toMatchObject({ 'Reporting-MTA': 'dns; queue.example.org' });
    expect(read.recipients).toMatchObject([
      {
        'Final-Recipient': 'rfc822; x@example.com',
        'Original-Recipient': 'rfc822; x+tag@example.com',
        Action: 'failed',
        Status: '5.1.1',
      },
      { 'Final-Recipient': 'rfc822; y@example.com', Action: 'failed', 'Remote-MTA': 'dns; relay.example' },
    ]);
    expect(read.text).toContain('could not be delivered');
  });
});
