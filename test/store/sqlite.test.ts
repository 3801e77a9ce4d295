/** The store's conformance on SQLite, and what only a file can do. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenOptions, openStore } from '../../src/store/open.ts';
import { FACTS_OF_CONTENTS, type Place, storeConformance } from './conformance.ts';

async function newPlace(options: OpenOptions): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'posthaste-store-'));
  return {
    open: () => openStore(join(folder, 'queue.db'), options),
    remove: () => rm(folder, { recursive: true }),
  };
}

// The store is the same wherever it runs, and in this thread ten times as fast to start.
storeConformance('SQLite', () => newPlace({ here: true }));
storeConformance('SQLite in a thread of its own', () => newPlace({}), FACTS_OF_CONTENTS);
