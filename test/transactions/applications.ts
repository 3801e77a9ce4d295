/** Applications that keep their notes with one library or another, as their manuals say. */
import type { Application } from './conformance.ts';
import { load, loadDefault, type Untyped } from './modules.ts';

export type Engine = 'SQLite' | 'PostgreSQL' | 'MySQL';
export type Open = (url: string) => Promise<Application>;

const textsOf = (rows: readonly { readonly text: string }[]): string[] => rows.map(({ text }) => text);

export const kysely = (engine: Engine): Open => {
  const dialectOf = async (url: string): Promise<Untyped> => {
    const { SqliteDialect, PostgresDialect, MysqlDialect } = await load('kysely');
    if (engine === 'SQLite') return new SqliteDialect({ database: new (await loadDefault('better-sqlite3'))(url) });
    if (engine === 'PostgreSQL') {
      return new PostgresDialect({ pool: new (await load('pg')).Pool({ connectionString: url }) });
    }
    return new MysqlDialect({ pool: (await load('mysql2')).createPool(url) });
  };
  return async (url) => {
    const { Kysely, CamelCasePlugin } = await load('kysely');
    const db = new Kysely({ dialect: await dialectOf(url), plugins: [new CamelCasePlugin()] });
    return {
      transaction: (work) =>
        db.transaction().execute((trx: Untyped) => {
          const note = async (text: string) => void (await trx.insertInto('notes').values({ text }).execute());
          return work({ handle: trx, note });
        }),
      notes: async () => textsOf(await db.selectFrom('notes').select('text').execute()),
      idle: () => [db],
      close: () => db.destroy(),
    };
  };
};

export const knex = (engine: Engine): Open => {
  return async (url) => {
    const client = { SQLite: 'better-sqlite3', PostgreSQL: 'pg', MySQL: 'mysql2' }[engine];
    const connection = engine === 'SQLite' ? { filename: url } : url;
    const shout = (name: string): string => name.toUpperCase();
    const db = (await loadDefault('knex'))({
      client,
      connection,
      useNullAsDefault: true,
      // What knexSnakeCaseMappers and its like do to names.
      postProcessResponse: (answer: Untyped) =>
        Array.isArray(answer)
          ? answer.map((row) =>
              typeof row === 'object' && row !== null
                ? Object.fromEntries(Object.entries(row).map(([name, value]) => [shout(name), value]))
                : row,
            )
          : answer,
    });
    return {
      transaction: (work) =>
        db.transaction((trx: Untyped) =>
          work({ handle: trx, note: async (text) => void (await trx('notes').insert({ text })) }),
        ),
      notes: async () => (await db('notes').select('text')).map(({ TEXT }: Untyped) => TEXT),
      idle: () => [db],
      close: () => db.destroy(),
    };
  };
};

export const drizzle = (engine: 'PostgreSQL' | 'MySQL', driver: 'pg' | 'postgres' | 'mysql2'): Open => {
  const connect = async (url: string): Promise<{ db: Untyped; end: () => Promise<void> }> => {
    if (driver === 'postgres') {
      const client = (await loadDefault('postgres'))(url, { onnotice: () => {} });
      return { db: (await load('drizzle-orm/postgres-js')).drizzle(client), end: () => client.end() };
    }
    if (driver === 'mysql2') {
      const pool = (await load('mysql2/promise')).createPool(url);
      return { db: (await load('drizzle-orm/mysql2')).drizzle(pool), end: () => pool.end() };
    }
    const pool = new (await load('pg')).Pool({ connectionString: url });
    return { db: (await load('drizzle-orm/node-postgres')).drizzle(pool), end: () => pool.end() };
  };
  return async (url) => {
    const core = await load(engine === 'MySQL' ? 'drizzle-orm/mysql-core' : 'drizzle-orm/pg-core');
    const notes =
      engine === 'MySQL'
        ? core.mysqlTable('notes', { text: core.varchar('text', { length: 200 }).notNull() })
        : core.pgTable('notes', { text: core.varchar('text', { length: 200 }).notNull() });
    const { db, end } = await connect(url);
    return {
      transaction: (work) =>
        db.transaction((tx: Untyped) =>
          work({ handle: tx, note: async (text) => void (await tx.insert(notes).values({ text })) }),
        ),
      notes: async () => textsOf(await db.select().from(notes)),
      idle: () => [db],
      close: end,
    };
  };
};

export const typeorm = (engine: Engine): Open => {
  return async (url) => {
    const { DataSource, EntitySchema } = await load('typeorm');
    const Note = new EntitySchema({
      name: 'Note',
      tableName: 'notes',
      columns: { text: { type: 'varchar', length: 200, primary: true } },
    });
    const type = { SQLite: 'better-sqlite3', PostgreSQL: 'postgres', MySQL: 'mysql' }[engine];
    const where = engine === 'SQLite' ? { database: url } : { url };
    const source = await new DataSource({ type, ...where, entities: [Note] }).initialize();
    const runner = source.createQueryRunner();
    return {
      transaction: (work) =>
        source.transaction((manager: Untyped) =>
          work({ handle: manager, note: async (text) => void (await manager.insert('Note', { text })) }),
        ),
      notes: async () => textsOf(await source.getRepository('Note').find()),
      idle: () => [source.manager, runner, source],
      close: async () => {
        await runner.release();
        await source.destroy();
      },
    };
  };
};

/** As an application may have it that wants its columns in another case, its numbers as BigInt, and its texts its own way. */
export const postgresJs = (options: object): Open => {
  return async (url) => {
    const sql = (await loadDefault('postgres'))(url, { onnotice: () => {}, ...options });
    return {
      transaction: (work) =>
        sql.begin((tx: Untyped) =>
          work({ handle: tx, note: async (text) => void (await tx`INSERT INTO notes (text) VALUES (${text})`) }),
        ),
      notes: async () => textsOf(await sql`SELECT text FROM notes`),
      idle: () => [sql],
      close: () => sql.end(),
    };
  };
};

export const postgresJsOptions = async (): Promise<object> => {
  const postgres = await loadDefault('postgres');
  return { transform: postgres.camel, types: { bigint: postgres.BigInt } };
};

/** `generate` makes a client for the engine. */
export const prisma = (engine: Engine, generate: (engine: Engine) => Promise<string>): Open => {
  const adapterOf = async (url: string): Promise<Untyped> => {
    if (engine === 'SQLite') {
      return new (await load('@prisma/adapter-better-sqlite3')).PrismaBetterSqlite3({ url: `file:${url}` });
    }
    if (engine === 'PostgreSQL') return new (await load('@prisma/adapter-pg')).PrismaPg({ connectionString: url });
    return new (await load('@prisma/adapter-mariadb')).PrismaMariaDb(url, { useTextProtocol: true });
  };
  return async (url) => {
    const { PrismaClient } = (await import(await generate(engine))) as Untyped;
    const client = new PrismaClient({ adapter: await adapterOf(url) });
    return {
      transaction: (work) =>
        client.$transaction(
          (tx: Untyped) => work({ handle: tx, note: async (text) => void (await tx.note.create({ data: { text } })) }),
          { timeout: 30_000 },
        ),
      notes: async () => textsOf(await client.note.findMany()),
      idle: () => [client],
      close: () => client.$disconnect(),
    };
  };
};
