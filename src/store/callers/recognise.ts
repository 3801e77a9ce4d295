/** From whatever an application gives as its transaction to a way into it. */
import { PosthasteError } from '../../errors.ts';
import { adapter } from './adapter.ts';
import { betterSqlite3 } from './better-sqlite3.ts';
import { type Caller, type Engine, notOpen, type Recogniser } from './caller.ts';
import { drizzle } from './drizzle.ts';
import { knex } from './knex.ts';
import { kysely } from './kysely.ts';
import { mysql2 } from './mysql2.ts';
import { nodeSqlite } from './node-sqlite.ts';
import { pg } from './pg.ts';
import { postgresJs } from './postgres-js.ts';
import { prisma } from './prisma.ts';
import { typeorm } from './typeorm.ts';

const DRIVERS: readonly Recogniser[] = [betterSqlite3, nodeSqlite, postgresJs, pg, mysql2];
/** The adapter last: many have a method called query. */
const LIBRARIES: readonly Recogniser[] = [prisma, kysely, knex, typeorm, drizzle, ...DRIVERS, adapter];

const ALLOWED =
  'Allowed are a database of better-sqlite3 or node:sqlite, a client of pg, the sql of a postgres.js transaction, a connection of mysql2, ' +
  'a transaction of Prisma, Drizzle, Kysely, Knex or TypeORM, and for anything else an adapter: an object with ' +
  'query(sql, values) => Promise<{ rows, changed }>, which carries out one statement in the transaction.';

/** Throws TRANSACTION_UNKNOWN, TRANSACTION_NOT_OPEN and TRANSACTION_ELSEWHERE, as far as it shows without asking the database. */
export function recognise(handle: unknown, engine: Engine): Caller | Promise<Caller> {
  const caller = isObject(handle) ? first(LIBRARIES, handle, engine) : undefined;
  if (caller === undefined) throw unknown(`The transaction is ${show(handle)}, which posthaste does not know.`);
  return caller instanceof Promise ? caller.then((each) => checked(each, engine)) : checked(caller, engine);
}

function first(recognisers: readonly Recogniser[], handle: object, engine: Engine): ReturnType<Recogniser> {
  const driverOf = (connection: object, name: string): Caller => {
    const caller = first(DRIVERS, connection, engine);
    if (caller !== undefined && !(caller instanceof Promise)) return { ...caller, name };
    throw unknown(`The ${name} uses ${show(connection)} below it, a driver that posthaste does not know.`);
  };
  for (const recogniser of recognisers) {
    const caller = recogniser(handle, engine, driverOf);
    if (caller !== undefined) return caller;
  }
  return undefined;
}

function checked(caller: Caller, engine: Engine): Caller {
  if (caller.engine !== undefined && caller.engine !== engine) {
    const text = `The ${caller.name} is of ${caller.engine}, and the queue is kept in ${engine}: both must be one database.`;
    throw new PosthasteError('TRANSACTION_ELSEWHERE', text);
  }
  if (caller.isOpen() === false) throw notOpen(caller.name);
  return caller;
}

function isObject(handle: unknown): handle is object {
  return (typeof handle === 'object' && handle !== null) || typeof handle === 'function';
}

function show(handle: unknown): string {
  if (!isObject(handle)) return handle === null ? 'null' : `a ${typeof handle}`;
  const name = handle.constructor?.name;
  return name === undefined || name === '' ? 'an object' : `a ${name}`;
}

function unknown(what: string): PosthasteError {
  return new PosthasteError('TRANSACTION_UNKNOWN', `${what} ${ALLOWED}`);
}
