/** Copies a queue from one database to another, where nobody works on either. */
import { existsSync } from 'node:fs';
import { PosthasteError } from '../errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { type CopyProgress, type CopyReport, copyQueue, surveyCopy } from '../store/copy.ts';
import { databaseFile, type OpenDatabase, openDatabase } from '../store/open.ts';
import { workersOf } from './working.ts';

export type { CopyReport };

export interface CopyRequest {
  /** URLs of databases. */
  readonly from: string;
  readonly to: string;
  readonly dryRun: boolean;
  readonly onProgress: (progress: CopyProgress) => void;
}

/** Throws COPY_REFUSED where it may not begin, go on or end. `dryRun` makes and writes nothing. */
export async function copyBetween({ from, to, dryRun, onProgress }: CopyRequest): Promise<CopyReport> {
  const file = databaseFile(from);
  if (file !== null && !existsSync(file)) throw new PosthasteError('COPY_REFUSED', `There is no queue at ${file}.`);
  return withOpen(from, async (source) => {
    const isNew = databaseFile(to);
    if (dryRun && isNew !== null && !existsSync(isNew)) return surveyCopy(source, null, () => mustRest(source));
    return withOpen(to, async (target) => {
      const mustBeQuiet = async (): Promise<void> => {
        await mustRest(source);
        await mustRest(target);
      };
      if (dryRun) return surveyCopy(source, target, mustBeQuiet);
      return copyQueue(source, target, { now: systemClock.now(), onProgress, mustBeQuiet });
    });
  });
}

async function withOpen<T>(url: string, work: (open: OpenDatabase) => Promise<T>): Promise<T> {
  const open = await openDatabase(url);
  try {
    return await work(open);
  } finally {
    await open.close();
  }
}

/** Pauses are not enough: a listener takes mail, and a worker ends what is too old, while all relays are paused. */
async function mustRest(open: OpenDatabase): Promise<void> {
  const working = await workersOf(open);
  if (working.length === 0) return;
  const who = working.map(({ role, host, pid }) => `${role} on ${host}, process ${pid}`).join('; ');
  throw new PosthasteError(
    'COPY_REFUSED',
    `Somebody works on ${open.shown}: ${who}. Stop all of them and try again; of one that was killed on another machine nothing is known for two minutes.`,
  );
}
