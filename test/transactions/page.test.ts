/** The programs of docs/transactions.md, run as an application would that has installed the package. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { readExamples } from '../examples/pages.ts';
import { run, temporaryFolder } from '../support/posthaste.ts';
import { isThere, MYSQL, POSTGRES, TestDatabase, type TestServer } from '../support/servers.ts';
import { LIBRARIES as PACKAGES, there } from './modules.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LIBRARIES = [
  'better-sqlite3',
  'pg',
  'mysql2',
  'postgres',
  'drizzle-orm',
  'kysely',
  'knex',
  'typeorm',
  'reflect-metadata',
];
const PAGE = 'docs/transactions.md';
const examples = new Map(readExamples().flatMap(({ page, name, text }) => (page === PAGE ? [[name, text]] : [])));
const onSqlite = ['better-sqlite3', 'node-sqlite', 'adapter'].map((name) => `transactions-${name}`);
const onPostgres = ['pg', 'postgres-js', 'drizzle', 'kysely', 'knex', 'typeorm'].map((name) => `transactions-${name}`);

const onMysql = ['transactions-mysql2'];

test('the page has no other programs', () => {
  expect([...examples.keys()].toSorted()).toEqual([...onSqlite, ...onPostgres, ...onMysql].toSorted());
});

/** Runs a program; its one message is then in the database. */
async function keepsOne(name: string, database: (folder: string) => string): Promise<void> {
  using folder = temporaryFolder();
  const modules = join(folder.path, 'node_modules');
  mkdirSync(modules);
  symlinkSync(ROOT, join(modules, 'posthaste'), 'dir');
  for (const each of LIBRARIES) symlinkSync(join(PACKAGES, 'node_modules', each), join(modules, each), 'dir');
  writeFileSync(join(folder.path, 'package.json'), '{ "name": "application" }');
  const file = join(folder.path, `${name}.mjs`);
  writeFileSync(file, examples.get(name) ?? '');
  const url = database(folder.path);
  const { code, stdout, stderr } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    cwd: folder.path,
    environment: { DATABASE_URL: url },
  });
  expect([name, code, stderr]).toEqual([name, 0, '']);
  const id = /^250 2\.0\.0 queued as ([0-9a-f-]{36})\n$/.exec(stdout)?.[1];
  const store = await openStore(url);
  try {
    expect([await store.count({}), await store.count({ ids: [id ?? ''] })]).toEqual([1, 1]);
  } finally {
    await store.close();
  }
}

test.skipIf(!there).each(onSqlite)('%s runs', (name) => keepsOne(name, (folder) => join(folder, 'app.db')));

const servers: readonly (readonly [TestServer, readonly string[]])[] = [
  [POSTGRES, onPostgres],
  [MYSQL, onMysql],
];
for (const [server, names] of servers) {
  describe.skipIf(!there || !(await isThere(server)))(`on ${server.engine}`, () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await TestDatabase.make(server);
    });
    afterAll(() => database.drop());

    test.each(names)('%s runs', async (name) => {
      await keepsOne(name, () => database.url);
      await database.clear();
    });
  });
}
