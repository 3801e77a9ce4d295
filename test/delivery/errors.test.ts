/** A report that posthaste itself cannot make: what the relay said is kept, nobody is told that all is well, and nobody else waits. */
import { expect, test } from 'vitest';
import type { DeliveryParts } from '../../src/delivery/conclude.ts';
import { Queue } from '../../src/queue/queue.ts';
import { defaultRetryPolicy } from '../../src/queue/schedule.ts';
import type { Script } from '../relay/actions.ts';
import { Stage } from '../support/delivery.ts';

const HOUR = 3_600_000;

/** Parts that find no way for a report to `sender`. */
function without(stage: Stage, sender: string): DeliveryParts {
  const { store, clock, log } = stage;
  const router = (recipient: string): string => {
    if (recipient === sender) throw new Error('no way for it');
    return 'default';
  };
  return { ...stage.parts, queue: new Queue({ store, clock, log, router, policy: defaultRetryPolicy }) };
}

async function once(stage: Stage, parts: DeliveryParts): Promise<void> {
  const worker = stage.newWorker(stage.relayParts(), parts);
  await worker.once();
  await worker.stop();
}

const statesOf = async (stage: Stage, id: string) =>
  (await stage.get(id)).deliveries.map(({ state, reason }) => [state, reason]);

const refusesOne: Script = {
  rcpt: (command) => {
    if (command.includes('<refused@')) return '550 5.1.1 no such user';
    return command.includes('<later@') ? '450 4.2.0 busy' : '250 2.1.5 ok';
  },
};

test('a refusal whose report cannot be made is held, and the others of its message stay sent and deferred', async () => {
  await using stage = await Stage.open({ relay: { script: refusesOne } });
  const parts = without(stage, 'lost@example.org');
  const recipients = ['taken@example.com', 'refused@example.com', 'later@example.com'];
  const id = await stage.submit({ sender: 'lost@example.org', recipients });
  await once(stage, parts);
  expect(await statesOf(stage, id)).toEqual([
    ['sent', null],
    ['held', 'error'],
    ['queued', null],
  ]);
  const { text } = (await stage.get(id)).deliveries[1]?.lastReply ?? {};
  expect(text).toContain('no way for it');
  expect(text).toContain('550 5.1.1 no such user');
  expect(stage.relay.received).toHaveLength(1);

  await stage.queue.release({ ids: [id] });
  await stage.once();
  expect((await statesOf(stage, id))[1]).toEqual(['bounced', 'refused']);
  expect(await stage.reports(id)).toHaveLength(1);
  expect(stage.relay.received.filter(({ sender }) => sender !== '')).toHaveLength(1);
});

test('what a relay without DSN took stays sent when the report of that cannot be made', async () => {
  await using stage = await Stage.open({ relay: { extensions: [] } });
  const recipients = [{ address: 'b@example.com', notify: ['success'] as const }];
  const id = await stage.submit({ sender: 'lost@example.org', recipients });
  await once(stage, without(stage, 'lost@example.org'));
  expect(await statesOf(stage, id)).toEqual([['sent', null]]);
  expect(stage.log.count('an end could not be written with its report')).toBe(1);
});

test('a report of delay that cannot be made keeps back no other, nor mail whose time is over', async () => {
  await using stage = await Stage.open({ relay: { script: { connect: '421 4.3.2 down' } } });
  const parts = without(stage, 'lost@example.org');
  const lost = await stage.submit({ sender: 'lost@example.org' });
  const found = await stage.submit();
  await stage.once();
  stage.clock.moveTo(stage.clock.now() + 5 * HOUR);
  await stage.janitor(parts).round();
  expect(await stage.reports(lost)).toHaveLength(0);
  expect(await stage.reports(found)).toHaveLength(1);
  expect(stage.log.count('the report of a delay could not be made')).toBeGreaterThan(0);

  stage.clock.moveTo(stage.clock.now() + 120 * HOUR);
  await stage.janitor(parts).round();
  expect(await statesOf(stage, lost)).toEqual([['held', 'error']]);
  expect(await statesOf(stage, found)).toEqual([['bounced', 'expired']]);
});
