/** Mail in transactions of Prisma: its client is generated here, from a schema with the application's own table alone. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe } from 'vitest';
import { run } from '../support/posthaste.ts';
import { isThere, MYSQL, POSTGRES } from '../support/servers.ts';
import { type Engine, prisma } from './applications.ts';
import { transactionFacts } from './conformance.ts';
import { ServerGrounds, sqliteGround } from './grounds.ts';
import { LIBRARIES, there } from './modules.ts';

const PROVIDERS: Readonly<Record<Engine, string>> = { SQLite: 'sqlite', PostgreSQL: 'postgresql', MySQL: 'mysql' };

/** Below the packages, so that what is generated finds them. */
const folder = there ? mkdtempSync(join(LIBRARIES, 'prisma-')) : '';
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const clients = new Map<Engine, Promise<string>>();

/** The generator, once for each engine; it needs no program for migrations, which it would download. */
function generate(engine: Engine): Promise<string> {
  const made = clients.get(engine) ?? generateIn(join(folder, PROVIDERS[engine]), PROVIDERS[engine]);
  clients.set(engine, made);
  return made;
}

async function generateIn(place: string, provider: string): Promise<string> {
  mkdirSync(place);
  writeFileSync(
    join(place, 'schema.prisma'),
    `generator client {
  provider = "prisma-client"
  output = "client"
  importFileExtension = "ts"
}
datasource db {
  provider = "${provider}"
}
model Note {
  text String @id
  @@map("notes")
}
`,
  );
  const prismaCli = join(LIBRARIES, 'node_modules', 'prisma', 'build', 'index.js');
  const environment = {
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  };
  const args = [prismaCli, 'generate', '--schema', join(place, 'schema.prisma')];
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: place, environment });
  if (code !== 0) throw new Error(stdout + stderr);
  return pathToFileURL(join(place, 'client', 'client.ts')).href;
}

describe.skipIf(!there)('over SQLite', () => {
  transactionFacts({ name: 'Prisma over better-sqlite3', ground: sqliteGround, open: prisma('SQLite', generate) });
});

describe.skipIf(!there || !(await isThere(POSTGRES)))('over PostgreSQL', () => {
  const grounds = new ServerGrounds(POSTGRES);
  afterAll(() => grounds.drop());
  transactionFacts({ name: 'Prisma over pg', ground: () => grounds.ground(), open: prisma('PostgreSQL', generate) });
});

describe.skipIf(!there || !(await isThere(MYSQL)))('over MariaDB or MySQL', () => {
  const grounds = new ServerGrounds(MYSQL);
  afterAll(() => grounds.drop());
  transactionFacts({ name: 'Prisma over mariadb', ground: () => grounds.ground(), open: prisma('MySQL', generate) });
});
