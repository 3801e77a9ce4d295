/** What comes of an attempt that a full disk does not let the store write: a disk of two megabytes in memory is filled for real. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { RelayHealth } from '../../src/delivery/relay-health.ts';
import { Stage } from '../support/delivery.ts';
import { fill, smallDisk } from '../support/small-disk.ts';

const CANNOT = 'an outcome cannot be written yet';

/** Waits until the store was found full, makes room after a second try, and sees the pass to its end. */
async function makeRoom(stage: Stage, pass: Promise<void>, filler: string): Promise<void> {
  await stage.log.until(CANNOT);
  stage.relay.script = {};
  // A second try finds the disk full still.
  stage.clock.moveTo(stage.clock.now() + 1_000);
  rmSync(filler);
  while ((await Promise.race([pass.then(() => 'over'), turn()])) !== 'over') {
    stage.clock.moveTo(stage.clock.now() + 1_000);
  }
}

/** All that leases, the janitor and the next passes could still do. */
async function later(stage: Stage): Promise<void> {
  stage.clock.moveTo(stage.clock.now() + 600_000);
  await stage.janitor().round();
  await stage.once();
}

test('an outcome is tried again until it is written, and the message is not sent twice', async ({ skip }) => {
  using disk = smallDisk();
  if (disk === null) return skip();
  const filler = join(disk.path, 'filler');
  const script = {
    dot: () => {
      fill(filler);
      return '250 2.0.0 taken';
    },
  };
  await using stage = await Stage.open({ folder: disk.path, relay: { script } });
  const id = await stage.submit();
  const pass = stage.once();
  await stage.log.until(CANNOT);
  expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'sending' });
  await makeRoom(stage, pass, filler);
  expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'sent', attempts: 1, inDoubt: false });
  await later(stage);
  expect(stage.relay.received).toHaveLength(1);
  expect(stage.log.count(CANNOT)).toBe(1);
});

test('a fault of the relay is too, and those whom it took before the fault are not sent to twice', async ({ skip }) => {
  using disk = smallDisk();
  if (disk === null) return skip();
  const filler = join(disk.path, 'filler');
  const script = {
    rcpt: (command: string) => {
      if (!command.includes('<b@')) return '250 2.1.5 ok';
      fill(filler);
      return '421 4.3.2 closing';
    },
  };
  // A transaction for each of them, one after the other.
  const smtp = { maxRecipients: 1, maxConnections: 1 };
  await using stage = await Stage.open({ folder: disk.path, relay: { script }, smtp });
  const id = await stage.submit({ recipients: ['a@example.com', 'b@example.com'] });
  await makeRoom(stage, stage.once(), filler);
  await later(stage);
  const { deliveries } = await stage.get(id);
  expect(deliveries.map(({ state, attempts }) => [state, attempts])).toEqual(Array(2).fill(['sent', 1]));
  expect(stage.relay.received.map(({ recipients }) => recipients)).toEqual([['a@example.com'], ['b@example.com']]);
});

test('that a relay is well again is told by the next success, and the process goes on', async ({ skip }) => {
  using disk = smallDisk();
  if (disk === null) return skip();
  const filler = join(disk.path, 'filler');
  await using stage = await Stage.open({ folder: disk.path });
  await stage.store.faultRelay('default', { code: 421, text: 'bye' }, stage.clock.now(), [1_000]);
  const health = new RelayHealth('default', stage.parts);
  fill(filler);
  expect(await health.success(stage.clock.now())).toBe(false);
  expect((await stage.store.relays())[0]?.faults).toBe(1);
  rmSync(filler);
  expect(await health.success(stage.clock.now())).toBe(true);
  expect((await stage.store.relays())[0]?.faults).toBe(0);
  expect(stage.log.count('relay is well again')).toBe(1);
});

test('housekeeping that fails is told once, however many rounds it fails, and once when it goes on', async ({
  skip,
}) => {
  using disk = smallDisk();
  if (disk === null) return skip();
  const filler = join(disk.path, 'filler');
  await using stage = await Stage.open({ folder: disk.path });
  const janitor = stage.janitor();
  fill(filler);
  for (let i = 0; i < 3; i++) await janitor.round();
  expect([stage.log.count('housekeeping failed'), stage.log.count('housekeeping goes on')]).toEqual([1, 0]);
  rmSync(filler);
  for (let i = 0; i < 2; i++) await janitor.round();
  expect([stage.log.count('housekeeping failed'), stage.log.count('housekeeping goes on')]).toEqual([1, 1]);
});
