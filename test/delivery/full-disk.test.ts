/** An outcome that a full disk does not let the store write: a disk of two megabytes in memory is filled for real. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Stage } from '../support/delivery.ts';
import { temporaryFolder } from '../support/posthaste.ts';

/** A small disk of its own; null where it cannot be had. */
function smallDisk(): ({ path: string } & Disposable) | null {
  const folder = temporaryFolder();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'posthaste-test', folder.path]).status === 0;
  const unmount = (): void => {
    spawnSync('umount', [folder.path]);
    folder[Symbol.dispose]();
  };
  if (mounted) return { path: folder.path, [Symbol.dispose]: unmount };
  folder[Symbol.dispose]();
  console.warn(
    '\n*** SKIPPED: no small disk can be mounted here (it needs root), the test of a full disk does not run ***\n',
  );
  return null;
}

function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [65_536, 4_096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

test('is tried again until it is written, and the message is not sent twice', async ({ skip }) => {
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
  await stage.log.until('an outcome cannot be written yet');
  expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'sending' });
  stage.relay.script = {};
  // A second try finds the disk full still.
  stage.clock.moveTo(stage.clock.now() + 1_000);
  rmSync(filler);
  while ((await Promise.race([pass.then(() => 'over'), turn()])) !== 'over') {
    stage.clock.moveTo(stage.clock.now() + 1_000);
  }
  expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'sent', attempts: 1, inDoubt: false });
  stage.clock.moveTo(stage.clock.now() + 600_000);
  await stage.janitor().round();
  await stage.once();
  expect(stage.relay.received).toHaveLength(1);
  expect(stage.log.count('an outcome cannot be written yet')).toBe(1);
});
