/** The libraries under test, which are installed when a test wants them: without their types, which no check of ours can count on. */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Sqlite from 'better-sqlite3';
import { packagesIn } from '../support/packages.ts';

export const LIBRARIES = fileURLToPath(new URL('libraries', import.meta.url));

export const there = await installed();

/** One file of tests after the other, in whatever process: the lock of a database ends with its owner. */
async function installed(): Promise<boolean> {
  const lock = new Sqlite(
    join(tmpdir(), `posthaste-libraries-${createHash('md5').update(LIBRARIES).digest('hex')}.lock`),
    {
      timeout: 10 * 60_000,
    },
  );
  lock.exec('BEGIN EXCLUSIVE');
  try {
    return await packagesIn(LIBRARIES);
  } finally {
    lock.close();
  }
}

/** Whatever a library offers. */
// biome-ignore lint/suspicious/noExplicitAny: the libraries have types where they are installed only.
export type Untyped = any;

const require = createRequire(pathToFileURL(`${LIBRARIES}/`));

export async function load(name: string): Promise<Untyped> {
  const module = (await import(pathToFileURL(require.resolve(name)).href)) as Untyped;
  return module.default === undefined
    ? module
    : { ...module, ...(typeof module.default === 'object' && module.default) };
}

/** What a module exports as its default, where that is a function or a class. */
export async function loadDefault(name: string): Promise<Untyped> {
  return ((await import(pathToFileURL(require.resolve(name)).href)) as Untyped).default;
}
