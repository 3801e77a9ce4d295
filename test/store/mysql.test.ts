/** The store's conformance on MariaDB or MySQL. */
import { afterAll, beforeAll, describe } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { isThere, MYSQL, TestDatabase } from '../support/servers.ts';
import { type Place, storeConformance } from './conformance.ts';

let database: TestDatabase;

describe.skipIf(!(await isThere(MYSQL)))('on a server', () => {
  beforeAll(async () => {
    database = await TestDatabase.make(MYSQL);
  });
  afterAll(() => database.drop());

  const newPlace = async (): Promise<Place> => ({
    open: () => openStore(database.url),
    remove: () => database.clear(),
  });
  storeConformance('MariaDB or MySQL', newPlace);
});
