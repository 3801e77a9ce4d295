/** Reports as other programs read them: Python's email package and postal-mime, which share no code with us or each other. */
import PostalMime from 'postal-mime';
import { describe, expect, test } from 'vitest';
import type { Recipient } from '../../src/mail/envelope.ts';
import { type Script, usual } from '../relay/actions.ts';
import { Stage, type StageOptions } from '../support/delivery.ts';
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

/** The one report about a message. */
async function readReport(stage: Stage, id: string): Promise<Read> {
  const [report = ''] = await stage.reports(id);
  const ran = await run('python3', ['-c', reader], { input: report });
  expect(ran.stderr).toBe('');
  return JSON.parse(ran.stdout) as Read;
}

describe.skipIf(!python)('a report, read by another parser,', () => {
  test('says who failed, why, and about which message', async () => {
    const rcpt = (command: string) =>
      command.includes('@example.com') ? '550 5.1.1 <x> no such "user"' : ({ kind: 'usual' } as const);
    await using stage = await Stage.open({ relay: { script: { rcpt } } });
    const orcpt = { address: 'x@example.com', originalRecipient: 'rfc822;x+2Btag@example.com' };
    const id = await stage.submit({ recipients: [orcpt, 'y@example.com'], subject: 'Invoice 7' });
    await stage.once();
    const read = await readReport(stage, id);
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

  test.each<[string, Script, Record<string, string>]>([
    [
      'after its relay had answered',
      { rcpt: (command) => (command.includes('@example.com') ? '450 4.2.2 mailbox full' : usual) },
      { 'Diagnostic-Code': 'smtp; 450 4.2.2 mailbox full' },
    ],
    ['that no relay ever answered', {}, { 'Diagnostic-Code': 'X-posthaste; 451 4.4.7 no relay has ever answered' }],
  ])('about mail out of time %s has 5.4.7 and how long it took', async (_, script, fields) => {
    await using stage = await Stage.open({ relay: { script } });
    const id = await stage.submit();
    if ('rcpt' in script) await stage.once();
    stage.clock.moveTo(stage.clock.now() + 5 * 86_400_000);
    await stage.janitor().round();
    const read = await readReport(stage, id);
    expect(read.recipients).toEqual([expect.objectContaining({ Action: 'failed', Status: '5.4.7', ...fields })]);
    expect(read.recipients[0]).not.toHaveProperty('Remote-MTA');
    expect(read.text).toContain('could not be delivered within 5 days');
  });

  test.each<[string, StageOptions, string, string]>([
    ['too large for the setting of its relay', { smtp: { maxSize: 50 } }, '5.3.4', 'X-posthaste; 552 5.3.4'],
    ['too large for the relay', { relay: { extensions: ['SIZE 50'] } }, '5.3.4', 'X-posthaste; 552 5.3.4'],
    [
      'too large for the relay, which says so',
      { relay: { script: { mail: ['552 5.3.4 no'] } } },
      '5.3.4',
      'smtp; 552 5.3.4 no',
    ],
    ['that the relay cannot take as it is', { relay: { extensions: [] } }, '5.6.7', 'X-posthaste; 553 5.6.7'],
  ])('about mail %s names who refused it', async (_, options, status, diagnostic) => {
    await using stage = await Stage.open(options);
    const recipients = [status === '5.6.7' ? 'j\u00fcrgen@example.com' : 'x@example.com'];
    const id = await stage.submit({ recipients });
    await stage.once();
    const {
      recipients: [recipient = {}],
    } = await readReport(stage, id);
    expect(recipient).toMatchObject({ Action: 'failed', Status: status });
    expect(recipient['Diagnostic-Code']).toContain(diagnostic);
    expect(recipient['Remote-MTA']).toBe(diagnostic.startsWith('smtp') ? 'dns; relay.example' : undefined);
  });

  const LATER: Script = { rcpt: '451 4.3.0 later' };
  const wish = { address: 'x@example.com', notify: ['success', 'failure'] } as const;

  test.each<[string, StageOptions, Recipient | string, number, Record<string, string>, string]>([
    [
      'a failure',
      { relay: { script: { mail: ['550 5.7.1 no'] } } },
      'x@example.com',
      0,
      { Action: 'failed', Status: '5.7.1' },
      'Delivery failed: Invoice 7',
    ],
    [
      'a delay',
      { relay: { script: LATER } },
      'x@example.com',
      5,
      { Action: 'delayed', Status: '4.3.0' },
      'Delivery delayed: Invoice 7',
    ],
    [
      'a relay that sends no reports',
      { relay: { extensions: [] } },
      wish,
      0,
      { Action: 'relayed', Status: '2.0.0' },
      'Delivered to a relay: Invoice 7',
    ],
  ])('about %s says the same to a mail reader', async (_, options, recipient, hours, fields, subject) => {
    await using stage = await Stage.open(options);
    const id = await stage.submit({ recipients: [recipient], subject: 'Invoice 7' });
    await stage.once();
    if (hours > 0) stage.clock.moveTo(stage.clock.now() + hours * 3_600_000);
    await stage.once();
    const read = await readReport(stage, id);
    expect(read).toMatchObject({ subject, defects: [], recipients: [fields] });
    expect('Will-Retry-Until' in (read.recipients[0] ?? {})).toBe(fields.Action === 'delayed');
    const shown = await PostalMime.parse((await stage.reports(id))[0] ?? '', { forceRfc822Attachments: true });
    expect(shown).toMatchObject({ subject, to: [{ address: 'a@example.org' }] });
    expect(shown.text?.trim()).toBe(String(read.text).replaceAll('\r\n', '\n').trim());
    expect(shown.attachments.map(({ mimeType }) => mimeType)).toEqual(['message/delivery-status', 'message/rfc822']);
  });
});
