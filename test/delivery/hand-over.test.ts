/** New messages that go from their submission straight to the worker, past the queue's index but never past its rules. */
import { expect, test } from 'vitest';
import type { Taker } from '../../src/queue/hand-over.ts';
import type { Claim } from '../../src/queue/store.ts';
import { newId } from '../../src/runtime/id.ts';
import { drop } from '../relay/actions.ts';
import { Stage } from '../support/delivery.ts';

/** A stage whose worker knows its relay to be well. */
async function working(stage: Stage): Promise<void> {
  await stage.submit();
  const well = new Promise<void>((resolve) => stage.queue.onWork(resolve));
  await stage.work();
  await well;
}

const submitMany = (stage: Stage, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => stage.submit()));

test('a message for an idle worker is sent without anybody looking for work', async () => {
  await using stage = await Stage.open();
  await working(stage);
  let looked = 0;
  stage.queue.onWork(() => looked++);
  const id = await stage.submit({
    recipients: ['b@example.com', 'c@example.com'],
    content: 'Subject: x\r\n\r\nthe bytes\r\n',
  });
  await stage.log.until('sent', 3);
  expect(looked).toBe(0);
  const { deliveries, attempts } = await stage.get(id);
  expect(deliveries.map(({ state, attempts: tried }) => [state, tried])).toEqual([
    ['sent', 1],
    ['sent', 1],
  ]);
  expect(attempts).toHaveLength(2);
  expect(stage.relay.received.at(-1)?.content.toString()).toContain('the bytes');
});

test('more messages than the worker has room for all arrive, each once', async () => {
  await using stage = await Stage.open({ smtp: { maxConnections: 1 } });
  await working(stage);
  await submitMany(stage, 300);
  await stage.log.until('sent', 301);
  expect(new Set(stage.relay.received.map(({ content }) => content.toString())).size).toBe(301);
  expect(stage.relay.received).toHaveLength(301);
  expect((await stage.store.counts(stage.clock.now())).states).toMatchObject({ sent: 301, sending: 0, queued: 0 });
});

test('a relay that fails meanwhile costs no message an attempt', async () => {
  await using stage = await Stage.open({ relay: { script: { connect: drop } } });
  stage.relay.script = {};
  await working(stage);
  stage.relay.script = { mail: '421 4.3.2 going down' };
  await submitMany(stage, 50);
  await stage.log.until('relay fault');
  await submitMany(stage, 50);
  stage.relay.script = {};
  // A 421 to something that was on its way may come after the next probe's time, and moves that on.
  const sent = stage.log.until('sent', 101).then(() => true);
  for (let over = false; !over; ) {
    const again = stage.log.until('relay fault', stage.log.count('relay fault') + 1).then(() => false);
    await stage.nextProbe();
    over = await Promise.race([sent, again]);
  }
  const { rows } = await stage.store.find({ states: ['sent'] }, { limit: 200 });
  expect(rows.map(({ attempts }) => attempts)).toEqual(Array(101).fill(1));
});

test('a relay that is paused by an operator gets nothing more', async () => {
  await using stage = await Stage.open();
  await working(stage);
  await stage.queue.pauseRelay('default', 'Ada');
  await submitMany(stage, 10);
  expect(await stage.store.count({ states: ['queued'] })).toBe(10);
  await stage.queue.resumeRelay('default');
  await stage.log.until('sent', 11);
});

test('rates are counted for every message', async () => {
  await using stage = await Stage.open({ rates: [{ limit: 3, window: 60_000 }] });
  await working(stage);
  await submitMany(stage, 5);
  await stage.log.until('sent', 3);
  expect(await stage.store.count({ states: ['queued'] })).toBe(3);
});

test('a worker that stops leaves nothing sending, also of what is submitted at that moment', async () => {
  await using stage = await Stage.open({ smtp: { maxConnections: 1 } });
  await working(stage);
  const submitted = submitMany(stage, 100);
  const worker = stage.stopWork();
  await Promise.all([submitted, worker]);
  await stage.once();
  expect((await stage.store.counts(stage.clock.now())).states).toMatchObject({ sent: 101, sending: 0, queued: 0 });
});

test('a taker hears once of each offer, also when the insert fails', async () => {
  await using stage = await Stage.open();
  const heard: (readonly Claim[])[] = [];
  const until = stage.clock.now() + 60_000;
  const take = { relay: 'default', limit: 1, until, holder: newId(until) };
  const taker: Taker = { offer: () => take, take: (claims) => void heard.push(claims) };
  const end = stage.queue.onTake(taker);
  const id = await stage.submit({ subject: 'one' });
  await handedOver();
  const [claim] = heard[0] ?? [];
  expect(heard).toHaveLength(1);
  expect(claim?.deliveries).toEqual((await stage.get(id)).deliveries);
  expect(claim?.message).toEqual((await stage.get(id)).message);
  const draft = { content: { stagedChunks: 2 }, size: 2, eightBit: false, subject: null, origin: 'smtp' as const };
  const envelope = { sender: null, recipients: [{ address: 'b@example.com' }], smtputf8: false };
  await expect(stage.queue.submit({ id: newId(until), messageId: '<x@y>', envelope, ...draft })).rejects.toThrow(
    'whole',
  );
  await handedOver();
  expect(heard).toEqual([[claim], []]);
  end();
  await stage.submit();
  await handedOver();
  expect(heard).toHaveLength(2);
});

/** Submitters are answered first: the messages follow in the next phase of the event loop. */
function handedOver(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
