/** The client that Prisma gives to the function of `prisma.$transaction`. */
import type { Value } from '../database.ts';
import { inEngine, noTransaction, plainRows, type Recogniser, reads } from './caller.ts';

interface Client {
  /** Only the client that transactions are begun with has it. */
  readonly $connect?: unknown;
  $queryRawUnsafe(sql: string, ...values: readonly unknown[]): Promise<readonly object[]>;
  $executeRawUnsafe(sql: string, ...values: readonly unknown[]): Promise<number>;
}

export const prisma: Recogniser = (handle, engine) => {
  if (!isClient(handle)) return undefined;
  if (handle.$connect !== undefined) {
    throw noTransaction(
      'a Prisma client, not a transaction',
      'the tx that prisma.$transaction(async (tx) => ...) gives',
    );
  }
  return {
    name: 'Prisma transaction',
    isOpen: () => true,
    query: async (sql: string, values: readonly Value[]) => {
      const [text, given] = inEngine(sql, values, engine);
      if (reads(text)) return { rows: plainRows(await handle.$queryRawUnsafe(text, ...given)), changed: 0 };
      return { rows: [], changed: await handle.$executeRawUnsafe(text, ...given) };
    },
  };
};

function isClient(handle: object): handle is Client {
  return '$executeRawUnsafe' in handle && '$queryRawUnsafe' in handle;
}
