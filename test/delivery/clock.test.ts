/** A clock that somebody sets, or that leaps because its machine slept: mail goes on, and nothing goes out twice. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { newId } from '../../src/runtime/id.ts';
import { Stage } from '../support/delivery.ts';
import { transportBehind } from '../support/gated-transport.ts';

const DAY = 86_400_000;
const GATHER = 10;
const LEASE = 60_000;

const transport = transportBehind(Promise.resolve());

/** Lets `ms` go by in small steps, or less where something happens sooner. */
async function within(stage: Stage, ms: number, happened: () => boolean): Promise<void> {
  const end = stage.clock.now() + ms;
  while (!happened() && stage.clock.now() < end) {
    stage.clock.moveTo(stage.clock.now() + 5);
    await turn();
  }
}

test('a worker goes on claiming when the clock is set back', async () => {
  await using stage = await Stage.open({ transport, gather: GATHER });
  await stage.submit();
  await stage.work();
  await within(stage, DAY, () => stage.log.count('sent') === 1);
  stage.clock.set(stage.clock.now() - DAY);
  // Not handed over in memory: the worker has to find it.
  await stage.submit({ sendAt: stage.clock.now() + 100 });
  await within(stage, 60_000, () => stage.log.count('sent') === 2);
  expect(stage.log.count('sent')).toBe(2);
});

test('a worker that waits for some more work stops at once', async () => {
  await using stage = await Stage.open({ transport, gather: DAY });
  await stage.submit();
  const worker = await stage.work();
  await stage.log.until('sent');
  await worker.stop();
  expect(stage.log.count('sent')).toBe(1);
});

test('the pause of a relay lasts no longer when the clock is set back', async () => {
  await using stage = await Stage.open({ transport });
  await stage.store.faultRelay('default', { code: 421, text: 'bye' }, stage.clock.now(), [600_000]);
  await stage.submit();
  await stage.work();
  await within(stage, 1_000, () => false);
  stage.clock.set(stage.clock.now() - DAY);
  await stage.submit();
  await within(stage, 60_000, () => stage.log.count('sent') === 1);
  expect(stage.log.count('sent')).toBe(1);
});

test('what is being sent when the clock leaps over its lease stays with its worker, which renews it', async () => {
  const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  await using stage = await Stage.open({ transport: transportBehind(gate, begin), lease: LEASE });
  const id = await stage.submit();
  const janitors = [stage.janitor(), await stage.another()];
  for (const janitor of janitors) await janitor.round();
  await stage.work();
  await begun;
  // As after a night: timers have not noticed.
  stage.clock.set(stage.clock.now() + DAY / 4);
  for (let rounds = 0; rounds < 12; rounds++) {
    for (const janitor of janitors) await janitor.round();
    stage.clock.moveTo(stage.clock.now() + 10_000);
    await turn();
  }
  letGo();
  await stage.log.until('sent');
  const { deliveries, attempts } = await stage.get(id);
  expect(deliveries).toMatchObject([{ state: 'sent', attempts: 1, inDoubt: false }]);
  expect(attempts.map(({ outcome }) => outcome)).toEqual(['sent']);
});

test('what nobody renews after a leap of the clock is taken back half a lease later', async () => {
  await using stage = await Stage.open();
  const id = await stage.submit();
  const janitor = stage.janitor();
  await janitor.round();
  const now = stage.clock.now();
  await stage.store.claim({ relay: 'default', limit: 1, now, until: now + LEASE, holder: newId(now) });
  stage.clock.set(now + DAY);
  const stateAfter = async (ms: number): Promise<string | undefined> => {
    stage.clock.moveTo(stage.clock.now() + ms);
    await janitor.round();
    return (await stage.get(id)).deliveries[0]?.state;
  };
  expect([await stateAfter(0), await stateAfter(10_000), await stateAfter(LEASE / 2)]).toEqual([
    'sending',
    'sending',
    'queued',
  ]);
});
