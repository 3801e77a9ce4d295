/** The store's conformance on PostgreSQL. */
import { afterAll, beforeAll, describe } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { isThere, POSTGRES, TestDatabase } from '../support/servers.ts';
import { type Place, storeConformance } from './conformance.ts';

let database: TestDatabase;

describe.skipIf(!(await isThere(POSTGRES)))('on a server', () => {
  beforeAll(async () => {
    database = await TestDatabase.make(POSTGRES);
  });
  afterAll(() => database.drop());

  const newPlace = async (): Promise<Place> => ({
    open: () => openStore(database.url),
    remove: () => database.clear(),
  });
  storeConformance('PostgreSQL', newPlace);
});
