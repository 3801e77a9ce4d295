/** The machine a figure was measured on: a rate of synced messages means nothing without its disk. */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';

export interface Facts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly fileSystem: string;
  /** Median of writing 4 KB and syncing it. */
  readonly syncMs: number;
}

export function factsOf(folder: string): Facts {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    fileSystem: fileSystemOf(folder),
    syncMs: syncTime(folder),
  };
}

/** Type and device of the mount with the longest path that leads to the folder. */
function fileSystemOf(folder: string): string {
  const path = `${resolve(folder)}/`;
  const mounts = mountLines().map((line) => line.split(' '));
  const onPath = mounts.filter(([, at = '']) => path.startsWith(at.endsWith('/') ? at : `${at}/`));
  const best = onPath.toSorted((a, b) => (b[1]?.length ?? 0) - (a[1]?.length ?? 0))[0];
  return best === undefined ? 'unknown' : `${best[2]} on ${best[0]}`;
}

function mountLines(): string[] {
  try {
    return readFileSync('/proc/mounts', 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}

function syncTime(folder: string): number {
  const path = join(folder, `posthaste-bench-sync-${process.pid}`);
  const file = openSync(path, 'w');
  try {
    const block = Buffer.alloc(4096, 'x');
    const times = Array.from({ length: 51 }, () => {
      const begun = performance.now();
      writeSync(file, block);
      fsyncSync(file);
      return performance.now() - begun;
    });
    return times.toSorted((a, b) => a - b)[25] ?? Number.NaN;
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

export function showFacts(facts: Facts): string {
  const disk = `${facts.fileSystem}, ${facts.syncMs.toFixed(2)} ms for a synced write of 4 KB`;
  return `${facts.cores} x ${facts.cpu}, ${facts.memoryGb} GB, Linux ${facts.kernel}; ${disk}`;
}
