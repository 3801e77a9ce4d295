/** Several processes and one relay: what one of them has met, the others know. */
import { expect, test } from 'vitest';
import { Stage } from '../support/delivery.ts';

const MINUTE = 60_000;

test('a fault that another process met ends with the first success of any', async () => {
  await using stage = await Stage.open();
  const here = stage.newWorker();
  await stage.submit();
  await here.once();
  await stage.store.faultRelay('default', { code: 421, text: 'bye' }, stage.clock.now(), [1_000]);
  const ids = [await stage.submit(), await stage.submit(), await stage.submit()];
  stage.clock.moveTo(stage.clock.now() + MINUTE);
  await here.once();
  expect((await stage.store.relays())[0]?.faults).toBe(0);
  for (const id of ids) expect((await stage.get(id)).deliveries[0]?.state).toBe('sent');
  await here.stop();
});
