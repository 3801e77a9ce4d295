/** Senders learn once that their mail waits, also while no attempt can be made. */
import PostalMime from 'postal-mime';
import { describe, expect, test } from 'vitest';
import { drop } from '../relay/actions.ts';
import { Stage, type StageOptions } from '../support/delivery.ts';
import { run } from '../support/posthaste.ts';
import { installed } from '../support/smtp-sink.ts';

const HOUR = 3_600_000;
const DOWN: StageOptions = { relay: { script: { connect: drop } } };

/** Turns the clock on by steps, with a round of the janitor at each. */
async function pass(stage: Stage, hours: number): Promise<void> {
  const janitor = stage.janitor();
  for (let n = 0; n < hours; n++) {
    stage.clock.moveTo(stage.clock.now() + HOUR);
    await janitor.round();
  }
}

const fields = (report: string | undefined, name: string): string[] =>
  [...(report ?? '').matchAll(new RegExp(`^${name}: (.*)$`, 'gm'))].map(([, value = '']) => value.trim());

const reader = `
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
text, status, original = list(m.iter_parts())
print(json.dumps({
    'subject': m['subject'], 'defects': [str(d) for p in m.walk() for d in p.defects], 'text': text.get_content(),
    'recipients': [dict(p) for p in status.get_payload()[1:]], 'original': original.get_payload(0)['subject'],
}))
`;

describe('a relay that is down for a day', () => {
  test('costs each message one report after four hours, and no attempt', async () => {
    await using stage = await Stage.open(DOWN);
    const ids = [await stage.submit(), await stage.submit(), await stage.submit()];
    await stage.once();
    await pass(stage, 3);
    for (const id of ids) expect(await stage.reports(id)).toEqual([]);
    await pass(stage, 1);
    for (const id of ids) expect(await stage.reports(id)).toHaveLength(1);
    await pass(stage, 20);
    for (const id of ids) {
      expect(await stage.reports(id)).toHaveLength(1);
      const { deliveries } = await stage.get(id);
      expect(deliveries).toMatchObject([{ state: 'queued', attempts: 0, delayReported: true }]);
    }
    stage.relay.script = {};
    await stage.nextProbe();
    await stage.once();
    expect(stage.relay.received).toHaveLength(6);
  });

  test('tells of all late recipients of a message in one report, which says since when', async () => {
    await using stage = await Stage.open(DOWN);
    const id = await stage.submit({
      recipients: ['x@example.com', 'y@example.com', 'z@example.com'],
      subject: 'Invoice 7',
    });
    await stage.once();
    await pass(stage, 24);
    const [report, ...more] = await stage.reports(id);
    expect(more).toEqual([]);
    expect(fields(report, 'Final-Recipient')).toEqual(['x', 'y', 'z'].map((name) => `rfc822; ${name}@example.com`));
    expect(fields(report, 'Action')).toEqual(['delayed', 'delayed', 'delayed']);
    expect(fields(report, 'Status')).toEqual(['4.4.1', '4.4.1', '4.4.1']);
    const parsed = await PostalMime.parse(report ?? '', { forceRfc822Attachments: true });
    expect(parsed.subject).toBe('Delivery delayed: Invoice 7');
    expect(parsed.text).toContain('the relay default takes no mail since Thu, 01 Jan 2026');
    expect(parsed.attachments.map((part) => part.mimeType)).toEqual(['message/delivery-status', 'message/rfc822']);
  });

  test('is told to nobody for the null sender and for NOTIFY without DELAY', async () => {
    await using stage = await Stage.open(DOWN);
    const never = { address: 'a@example.com', notify: ['never'] as const };
    const failure = { address: 'b@example.com', notify: ['failure', 'success'] as const };
    const delay = { address: 'c@example.com', notify: ['delay'] as const };
    const ids = [await stage.submit({ sender: null }), await stage.submit({ recipients: [never, failure] })];
    const asked = await stage.submit({ recipients: [never, delay] });
    await stage.once();
    await pass(stage, 24);
    for (const id of ids) expect(await stage.reports(id)).toEqual([]);
    const [report, ...more] = await stage.reports(asked);
    expect(more).toEqual([]);
    expect(fields(report, 'Final-Recipient')).toEqual(['rfc822; c@example.com']);
  });

  test('is told once by two processes on one database', async () => {
    await using stage = await Stage.open(DOWN);
    const ids = await Promise.all(Array.from({ length: 150 }, () => stage.submit()));
    const others = await Promise.all([stage.another(), stage.another()]);
    stage.clock.moveTo(stage.clock.now() + 4 * HOUR);
    await Promise.all(others.map((janitor) => janitor.round()));
    await Promise.all([...others, stage.janitor()].map((janitor) => janitor.round()));
    const { rows } = await stage.store.find({ sender: '<>' }, { limit: 1_000 });
    const about = await Promise.all(rows.map(async ({ id }) => (await stage.get(id)).message.reportOn));
    expect(about.toSorted()).toEqual(ids.toSorted());
  });

  test.skipIf(!installed('python3'))('is told in a form that another parser reads', async () => {
    await using stage = await Stage.open(DOWN);
    const id = await stage.submit({ subject: 'Invoice 7' });
    await stage.once();
    await pass(stage, 4);
    const [report = ''] = await stage.reports(id);
    const ran = await run('python3', ['-c', reader], { input: report });
    expect(ran.stderr).toBe('');
    expect(JSON.parse(ran.stdout)).toMatchObject({
      subject: 'Delivery delayed: Invoice 7',
      defects: [],
      text: expect.stringContaining('is delayed'),
      recipients: [
        { Action: 'delayed', Status: '4.4.1', 'Diagnostic-Code': expect.stringMatching(/^X-posthaste; 451 4\.4\.1 /) },
      ],
      original: 'Invoice 7',
    });
  });
});

test('a pause by an operator is told like any delay, a hold is not, and release begins anew', async () => {
  await using stage = await Stage.open();
  await stage.queue.pauseRelay('default', 'ann');
  const [waiting, held] = [await stage.submit(), await stage.submit()];
  await stage.queue.hold({ ids: [held] });
  await pass(stage, 24);
  const [report, ...more] = await stage.reports(waiting);
  expect(more).toEqual([]);
  expect(report).toContain('451 4.3.2 sending through the relay default is paused since');
  expect(report).not.toContain('ann');
  expect(fields(report, 'Last-Attempt-Date')).toEqual([]);
  await stage.queue.release({ ids: [held] });
  await pass(stage, 3);
  expect(await stage.reports(held)).toEqual([]);
  await pass(stage, 1);
  expect(await stage.reports(held)).toHaveLength(1);
});

test('what was submitted to be sent later is late from then on', async () => {
  await using stage = await Stage.open(DOWN);
  const id = await stage.submit({ sendAt: stage.clock.now() + 10 * HOUR });
  await pass(stage, 13);
  expect(await stage.reports(id)).toEqual([]);
  await pass(stage, 1);
  const [report] = await stage.reports(id);
  expect(report).toContain('451 4.4.0 no attempt could be made yet');
});

test('after replies the report says the last one, whoever sends it', async () => {
  await using stage = await Stage.open({ relay: { script: { rcpt: '450 4.2.0 mailbox busy' } } });
  const id = await stage.submit();
  await stage.once();
  await pass(stage, 5);
  const [report] = await stage.reports(id);
  expect(report).toContain('the last reply was: 450 4.2.0 mailbox busy');
  await stage.once();
  expect(await stage.reports(id)).toHaveLength(1);
});
