/** Reports of a test system: its senders are people too. */
import { expect, test } from 'vitest';
import type { Delivery } from '../../src/queue/delivery.ts';
import type { Message } from '../../src/queue/message.ts';
import type { SafetyOptions } from '../../src/queue/safety.ts';
import { Stage } from '../support/delivery.ts';

/** Refuses the recipient of the first message, and others. */
function refusing(...others: readonly string[]) {
  const rcpt = (command: string) =>
    ['b@example.com', ...others].some((address) => command.includes(address)) ? '550 5.1.1 nobody' : usual;
  return { script: { rcpt } };
}
const usual = { kind: 'usual' } as const;

interface ReportRow {
  readonly message: Message;
  readonly delivery: Delivery | undefined;
}

/** All reports there are. */
async function reportsOf(stage: Stage): Promise<readonly ReportRow[]> {
  const { rows } = await stage.store.find({ sender: '<>' }, { limit: 100 });
  const found = await Promise.all(rows.map((row) => stage.get(row.id)));
  return found.map(({ message, deliveries }) => ({ message, delivery: deliveries[0] }));
}

/** A message that fails, and is let go where the safeguard held it. */
async function failed(stage: Stage): Promise<string> {
  const id = await stage.submit();
  await stage.queue.release({ ids: [id] });
  await stage.once();
  return id;
}

test('redirect redirects them', async () => {
  const safety = { redirect: 'staging@example.org', allow: ['b@example.com'] };
  await using stage = await Stage.open({ relay: refusing(), safety });
  const reportOn = await failed(stage);
  expect(stage.relay.received.map(({ sender, recipients }) => [sender, recipients])).toEqual([
    ['', ['staging@example.org']],
  ]);
  expect(await reportsOf(stage)).toMatchObject([
    {
      message: { origin: 'report', sender: null, reportOn, metadata: { redirectedFrom: 'a@example.org' } },
      delivery: { recipient: 'staging@example.org', state: 'sent', notify: ['never'] },
    },
  ]);
});

test('one that is redirected and fails is followed by none, and counted as lost', async () => {
  const safety = { redirect: 'staging@example.org', allow: ['b@example.com'] };
  await using stage = await Stage.open({ relay: refusing('staging@'), safety });
  const reportOn = await failed(stage);
  expect(await reportsOf(stage)).toMatchObject([{ message: { reportOn }, delivery: { state: 'bounced' } }]);
  expect((await stage.store.counts(stage.clock.now())).lostReports).toBe(1);
});

test.each<[string, Partial<SafetyOptions>, string]>([
  ['allow holds those to senders that it does not name', { allow: ['b@example.com'] }, 'not-allowed'],
  ['holdAll holds them', { holdAll: true }, 'hold-all'],
])('%s, until they are released', async (_, safety, reason) => {
  await using stage = await Stage.open({ relay: refusing(), safety });
  const reportOn = await failed(stage);
  expect(stage.relay.received).toEqual([]);
  const [report] = await reportsOf(stage);
  expect(report).toMatchObject({
    message: { reportOn },
    delivery: { recipient: 'a@example.org', state: 'held', reason },
  });
  await stage.queue.release({ ids: [report?.message.id ?? ''] });
  await stage.once();
  expect(stage.relay.received.map(({ recipients }) => recipients)).toEqual([['a@example.org']]);
});

test('allow lets those go to senders that it names', async () => {
  await using stage = await Stage.open({ relay: refusing(), safety: { allow: ['b@example.com', '@example.org'] } });
  await failed(stage);
  expect(stage.relay.received.map(({ recipients }) => recipients)).toEqual([['a@example.org']]);
});
