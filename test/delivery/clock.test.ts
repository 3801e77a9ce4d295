/** A clock that somebody sets, or that leaps because its machine slept: mail goes on, and nothing goes out twice. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Stage } from '../support/delivery.ts';

const DAY = 86_400_000;
const GATHER = 10;

/** Lets `ms` go by in small steps, or less where something happens sooner. */
async function within(stage: Stage, ms: number, happened: () => boolean): Promise<void> {
  const end = stage.clock.now() + ms;
  while (!happened() && stage.clock.now() < end) {
    stage.clock.moveTo(stage.clock.now() + 5);
    await turn();
  }
}

test('a worker goes on claiming when the clock is set back', async () => {
  await using stage = await Stage.open({ gather: GATHER });
  await stage.submit();
  await stage.work();
  await within(stage, DAY, () => stage.log.count('sent') === 1);
  stage.clock.set(stage.clock.now() - DAY);
  // Not handed over in memory: the worker has to find it.
  await stage.submit({ sendAt: stage.clock.now() + 100 });
  await within(stage, 2_000, () => stage.log.count('sent') === 2);
  expect(stage.log.count('sent')).toBe(2);
});

test('a worker that waits for some more work stops at once', async () => {
  await using stage = await Stage.open({ gather: DAY });
  await stage.submit();
  const worker = await stage.work();
  await stage.log.until('sent');
  await worker.stop();
  expect(stage.log.count('sent')).toBe(1);
});

test('the pause of a relay lasts no longer when the clock is set back', async () => {
  await using stage = await Stage.open();
  await stage.store.faultRelay('default', { code: 421, text: 'bye' }, stage.clock.now(), [60_000]);
  await stage.submit();
  await stage.work();
  await within(stage, 1_000, () => false);
  stage.clock.set(stage.clock.now() - DAY);
  await stage.submit();
  await within(stage, 5_000, () => stage.log.count('sent') === 1);
  expect(stage.log.count('sent')).toBe(1);
});
