/** The store's conformance on SQLite, and what only a file can do. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/store/open.ts';
import { type Place, storeConformance } from './conformance.ts';

async function newPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'posthaste-store-'));
  return {
    open: () => openStore(join(folder, 'queue.db')),
    remove: () => rm(folder, { recursive: true }),
  };
}

storeConformance('SQLite', newPlace);
