/** Mail in transactions of the libraries that stand between applications and databases, each with the packages that users install. */
import { afterAll, describe } from 'vitest';
import { isThere, POSTGRES } from '../support/servers.ts';
import { drizzle, knex, kysely, postgresJs, postgresJsOptions, typeorm } from './applications.ts';
import { transactionFacts } from './conformance.ts';
import { ServerGrounds, sqliteGround } from './grounds.ts';
import { there } from './modules.ts';

describe.skipIf(!there)('over SQLite', () => {
  transactionFacts({ name: 'Kysely over better-sqlite3', ground: sqliteGround, open: kysely('SQLite') });
  transactionFacts({ name: 'Knex over better-sqlite3', ground: sqliteGround, open: knex('SQLite') });
  transactionFacts({ name: 'TypeORM over better-sqlite3', ground: sqliteGround, open: typeorm('SQLite') });
});

describe.skipIf(!there || !(await isThere(POSTGRES)))('over PostgreSQL', () => {
  const grounds = new ServerGrounds(POSTGRES);
  const ground = () => grounds.ground();
  afterAll(() => grounds.drop());
  transactionFacts({ name: 'postgres.js', ground, open: postgresJs({}) });
  transactionFacts({
    name: 'postgres.js with names in another case and numbers as BigInt',
    ground,
    open: async (url) => postgresJs(await postgresJsOptions())(url),
  });
  transactionFacts({ name: 'Kysely over pg', ground, open: kysely('PostgreSQL') });
  transactionFacts({ name: 'Knex over pg', ground, open: knex('PostgreSQL') });
  transactionFacts({ name: 'Drizzle over pg', ground, open: drizzle('PostgreSQL', 'pg') });
  transactionFacts({ name: 'Drizzle over postgres.js', ground, open: drizzle('PostgreSQL', 'postgres') });
  transactionFacts({ name: 'TypeORM over pg', ground, open: typeorm('PostgreSQL') });
});
