import { expect, test } from 'vitest';
import { ManualClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { SpaceGuard } from './space.ts';

function guard(freeSpace: () => Promise<number>): { guard: SpaceGuard; clock: ManualClock } {
  const clock = new ManualClock(0);
  return { guard: new SpaceGuard({ freeSpace, minimum: 100 }, clock, silentLog), clock };
}

test('tells of a full disk, and of space again, without being told', async () => {
  let free = 99;
  const { guard: space, clock } = guard(async () => free);
  await space.look();
  expect(space.isLow()).toBe(true);
  free = 100;
  clock.moveTo(5_001);
  // The old figure still holds while the new one is being asked for.
  expect(space.isLow()).toBe(true);
  await Promise.resolve();
  expect(space.isLow()).toBe(false);
});

test('asks at most once in five seconds', async () => {
  let asked = 0;
  const { guard: space, clock } = guard(async () => ++asked + 1000);
  await space.look();
  for (let i = 0; i < 100; i++) space.isLow();
  clock.moveTo(5_001);
  for (let i = 0; i < 100; i++) space.isLow();
  expect(asked).toBe(2);
});

test('takes mail where the space cannot be learned', async () => {
  const { guard: space } = guard(() => Promise.reject(new Error('no such disk')));
  await space.look();
  expect(space.isLow()).toBe(false);
});
