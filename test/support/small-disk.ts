/** A disk of two megabytes in memory, to be filled for real. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { temporaryFolder } from './posthaste.ts';

export interface SmallDisk extends Disposable {
  readonly path: string;
}

/** null where it cannot be had. */
export function smallDisk(): SmallDisk | null {
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

/** Writes a file that takes all the room there is. */
export function fill(path: string): void {
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
